// Makes a fresh clone runnable with nothing but Node and npm: checks the Node version and installs the packages of
// package-lock.json. Quick when there is nothing to do, so every entry point may call it. Imports no package.
//
//   node scripts/setup.mjs             packages only
//   node scripts/setup.mjs --browser   also a Chromium for the browser tests
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MIN_NODE = [20, 19]

/** @typedef {Record<string, {version?: string, optional?: boolean, link?: boolean}>} LockPackages */

/** Throws, with advice, when this Node is too old. */
function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [minMajor = 0, minMinor = 0] = MIN_NODE
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return
  throw new Error(
    `Forge Pool needs Node ${MIN_NODE.join('.')} or newer (24 is recommended); this is ${process.versions.node}. ` +
      'See https://nodejs.org/en/download or use nvm, fnm or volta.',
  )
}

/**
 * @param {string} file
 * @returns {LockPackages | undefined}
 */
function readLock(file) {
  try {
    return JSON.parse(readFileSync(path.join(ROOT, file), 'utf8')).packages
  } catch {
    return undefined
  }
}

/**
 * Why the installed packages are not those of the lock, or undefined when they are. npm keeps a hidden lock of what
 * it installed: comparing the two needs no stamp file and also sees a hand-made `npm install`.
 * @returns {string | undefined}
 */
export function packagesDiffer() {
  const wanted = readLock('package-lock.json')
  if (wanted === undefined) throw new Error('package-lock.json is missing or not readable')
  const installed = readLock('node_modules/.package-lock.json')
  if (installed === undefined) return 'node_modules is missing'
  for (const [at, entry] of Object.entries(wanted)) {
    // Optional packages of other platforms are rightly absent.
    if (at === '' || entry.link || (entry.optional && installed[at] === undefined)) continue
    if (installed[at]?.version !== entry.version) {
      return `${at.replace('node_modules/', '')} is ${installed[at]?.version ?? 'missing'}, not ${entry.version}`
    }
  }
  return undefined
}

/** @returns {Promise<void>} */
function npmCi() {
  // When npm runs us, its own path is known: the same npm, and no shell needed on Windows.
  const npmCli = process.env.npm_execpath
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const child = npmCli?.endsWith('.js')
    ? spawn(process.execPath, [npmCli, ...args], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
    : spawn('npm', args, {
        cwd: ROOT,
        stdio: ['ignore', 'inherit', 'inherit'],
        shell: process.platform === 'win32',
      })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`npm ci failed (exit code ${code})`)),
    )
  })
}

/**
 * @param {{browser?: boolean, quiet?: boolean}} [options] `browser`: also find or install a Chromium;
 *   `quiet`: print nothing but errors
 * @returns {Promise<{installed: boolean, browser?: import('./browser.mjs').BrowserFound | import('./browser.mjs').BrowserMissing}>}
 */
export async function setup({ browser = false, quiet = false } = {}) {
  const say = (/** @type {string} */ line) => {
    if (!quiet) console.log(`setup: ${line}`)
  }
  checkNode()
  const reason = packagesDiffer()
  if (reason !== undefined) {
    const start = performance.now()
    say(`${reason}; installing the packages (about a minute the first time)`)
    await npmCi()
    say(`packages installed in ${Math.round((performance.now() - start) / 1000)} s`)
  }
  const installed = reason !== undefined
  if (!browser) return { installed }
  const { ensureBrowser } = await import('./browser.mjs')
  const found = await ensureBrowser({ quiet })
  say(
    found.found
      ? `browser ${found.executablePath} (${found.version})`
      : `no browser: ${found.what}; ${found.how}`,
  )
  return { installed, browser: found }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const { installed } = await setup({ browser: process.argv.includes('--browser') })
    if (!installed) console.log('setup: packages are up to date')
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
