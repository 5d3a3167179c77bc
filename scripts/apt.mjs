// Installing Debian packages, where that is possible at all: Linux, root, apt-get.
import { execFileSync, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import path from 'node:path'

/**
 * First executable of that name on PATH.
 * @param {string} name
 * @returns {string | undefined} absolute path
 */
export function which(name) {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const candidate = path.join(folder, name)
    try {
      accessSync(candidate, constants.X_OK)
      return candidate
    } catch {
      // not in this folder
    }
  }
  return undefined
}

/** Whether this process may install Debian packages. */
export function canApt() {
  return process.platform === 'linux' && process.getuid?.() === 0 && which('apt-get') !== undefined
}

/**
 * Which of these Debian packages are not installed.
 * @param {readonly string[]} packages
 * @returns {string[]}
 */
export function missingDebs(packages) {
  return packages.filter((name) => {
    try {
      const status = execFileSync('dpkg-query', ['-W', '-f', `\${db:Status-Abbrev}`, name], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      return !status.startsWith('ii')
    } catch {
      return true
    }
  })
}

/**
 * @param {readonly string[]} args
 * @param {boolean} quiet
 * @returns {Promise<{ok: boolean, log: string}>}
 */
function aptGet(args, quiet) {
  return new Promise((resolve) => {
    const child = spawn('apt-get', ['-o', 'DPkg::Lock::Timeout=300', '-o', 'APT::Color=0', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let log = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (/** @type {Buffer} */ chunk) => {
        log += chunk.toString()
        if (!quiet) process.stdout.write(chunk)
      })
    }
    child.on('error', (error) => resolve({ ok: false, log: error.message }))
    child.on('close', (code) => resolve({ ok: code === 0, log }))
  })
}

/**
 * Installs those that are not installed yet. Tries them together first (fast), then one by one, so that a
 * package which this release does not have costs only itself.
 * @param {readonly string[]} packages
 * @param {{quiet?: boolean}} [options]
 * @returns {Promise<{name: string, reason: string}[]>} what is still missing
 */
export async function aptInstall(packages, { quiet = false } = {}) {
  const wanted = missingDebs(packages)
  if (wanted.length === 0) return []
  if (!canApt()) return wanted.map((name) => ({ name, reason: 'apt-get needs Linux and root' }))
  if (!quiet) console.log(`apt-get install ${wanted.join(' ')}`)
  await aptGet(['update', '-qq'], true)
  const install = ['install', '-y', '-qq', '--no-install-recommends']
  const together = await aptGet([...install, ...wanted], true)
  if (together.ok) return []
  /** @type {{name: string, reason: string}[]} */
  const missing = []
  for (const name of wanted) {
    const alone = await aptGet([...install, name], true)
    if (!alone.ok) missing.push({ name, reason: alone.log.trim().split('\n').at(-1) ?? 'apt-get failed' })
  }
  return missing
}
