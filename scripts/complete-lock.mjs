// Completes package-lock.json with the optional platform packages that the registry in use does not carry.
//
// Why: npm writes no lock entry for an optional dependency that it cannot resolve, and then `npm ci` refuses
// the lock ("Missing: … from lock file"). A lock made behind an incomplete mirror would so lock out every other
// platform. The names say their platform (…-darwin-arm64, …-linux-x64-musl) and their parents pin exact
// versions, so the entries can be written without asking anyone. They carry no integrity hash: `npm install`
// against a complete registry adds it.
//
// npm runs this after every change of node_modules (script "dependencies" of package.json).
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {{
 *   version?: string, dev?: boolean, optional?: boolean,
 *   os?: string[], cpu?: string[], libc?: string[],
 *   optionalDependencies?: Record<string, string>,
 * }} LockEntry
 */

const OS = new Set([
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
])
const CPU = new Set([
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
])

/**
 * Platform fields that a package's name stands for, or undefined when the name names no processor.
 * @param {string} name
 */
function platformOf(name) {
  const words = name.split(/[/-]/)
  const cpu = words.find((word) => CPU.has(word))
  if (cpu === undefined) return undefined
  const os = words.find((word) => OS.has(word))
  const musl = words.some((word) => word.startsWith('musl'))
  const glibc = words.some((word) => word === 'gnu' || word === 'glibc' || word === 'gnueabihf')
  return {
    cpu: [cpu],
    ...(os === 'linux' && musl ? { libc: ['musl'] } : os === 'linux' && glibc ? { libc: ['glibc'] } : {}),
    ...(os === undefined ? {} : { os: [os] }),
  }
}

/**
 * Node's resolution over lock paths: is `name` reachable from the package installed at `at`?
 * @param {Record<string, LockEntry>} packages
 * @param {string} at
 * @param {string} name
 */
function resolves(packages, at, name) {
  for (let folder = at; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`]) return true
    if (folder === '') return false
  }
}

/**
 * Adds the missing entries in place.
 * @param {Record<string, LockEntry>} packages the `packages` map of a lock file, version 3
 * @returns {string[]} what was added, as name@version
 */
export function completePackages(packages) {
  /** @type {string[]} */
  const added = []
  for (const [at, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const platform = platformOf(name)
      if (platform === undefined || !/^\d+\.\d+\.\d+[\w.+-]*$/.test(version) || resolves(packages, at, name))
        continue
      packages[`node_modules/${name}`] = {
        version,
        cpu: platform.cpu,
        ...(entry.dev ? { dev: true } : {}),
        ...('libc' in platform ? { libc: platform.libc } : {}),
        optional: true,
        ...('os' in platform ? { os: platform.os } : {}),
      }
      added.push(`${name}@${version}`)
    }
  }
  return added
}

/** @param {string} lockPath */
function completeLock(lockPath) {
  const lock = /** @type {{packages: Record<string, LockEntry>}} */ (
    JSON.parse(readFileSync(lockPath, 'utf8'))
  )
  const added = completePackages(lock.packages)
  if (added.length === 0) return
  lock.packages = Object.fromEntries(
    Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')),
  )
  writeFileSync(lockPath, `${JSON.stringify(lock, null, 2)}\n`)
  console.log(`package-lock.json: ${added.length} packages of other platforms added`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  completeLock(fileURLToPath(new URL('../package-lock.json', import.meta.url)))
}
