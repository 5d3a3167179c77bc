// The WebGPU implementations that the executor tests run on, all in software: two drivers (SwiftShader, Mesa's
// lavapipe), two WGSL compilers (Tint, naga), two browsers and two runtimes. None of them is required: one that is
// not here is named with the reason and the way to get it.
//
//   node scripts/webgpu-stacks.mjs    installs what can be installed, prints what is there
import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { aptInstall, canApt, which } from './apt.mjs'
import { ensureBrowser, findBrowser } from './browser.mjs'

/**
 * @typedef {{
 *   chromium?: import('./browser.mjs').BrowserFound,
 *   firefox?: string,
 *   deno?: string,
 *   dawn?: string,
 *   swiftshaderIcd?: string,
 *   lavapipeIcd?: string,
 * }} TestStacks paths of executables, of the native module of Dawn, and of Vulkan driver manifests (ICD)
 * @typedef {{name: keyof TestStacks | 'libvulkan', what: string, how: string}} MissingStack
 */

const DEBS = ['libvulkan1', 'mesa-vulkan-drivers', 'firefox-esr', 'fonts-liberation']
const require = createRequire(import.meta.url)

/** @param {string[]} paths */
const firstFile = (paths) => paths.find((candidate) => existsSync(candidate))

/** The driver manifest that Chromium ships beside its binary, wherever a wrapper script hides that. */
function swiftshaderIcd() {
  const chromium = findBrowser()
  const folders = [
    '/usr/lib/chromium',
    '/usr/lib/chromium-browser',
    '/opt/google/chrome',
    '/opt/microsoft/msedge',
  ]
  if (chromium) folders.unshift(path.dirname(realpathSync(chromium.executablePath)))
  return firstFile(folders.map((folder) => path.join(folder, 'vk_swiftshader_icd.json')))
}

function lavapipeIcd() {
  const cpu = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  const folders = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d']
  return firstFile(folders.flatMap((folder) => [`${folder}/lvp_icd.${cpu}.json`, `${folder}/lvp_icd.json`]))
}

function firefox() {
  const chosen = process.env.FIREFOX_PATH
  if (chosen) return existsSync(chosen) ? chosen : undefined
  return (
    which('firefox-esr') ??
    which('firefox') ??
    firstFile(['/Applications/Firefox.app/Contents/MacOS/firefox'])
  )
}

/** The binary inside the npm package; its own launcher would copy 90 MB at the first start. */
function deno() {
  const target = `${process.platform}-${process.arch}${process.platform === 'linux' ? '-glibc' : ''}`
  try {
    const folder = path.dirname(require.resolve(`@deno/${target}/package.json`))
    return firstFile([path.join(folder, 'deno'), path.join(folder, 'deno.exe')])
  } catch {
    return which('deno')
  }
}

function dawn() {
  const cpu = process.platform === 'darwin' ? 'universal' : process.arch
  try {
    const folder = path.dirname(require.resolve('webgpu/package.json'))
    return firstFile([path.join(folder, 'dist', `${process.platform}-${cpu}`, 'dawn.node')])
  } catch {
    return undefined
  }
}

/** Whether the Vulkan loader is there; only Linux needs one (macOS and Windows have Metal and Direct3D). */
function hasVulkanLoader() {
  if (process.platform !== 'linux') return true
  const listed = spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' })
  return listed.status === 0 && listed.stdout.includes('libvulkan.so.1')
}

/** @type {Record<MissingStack['name'], {what: string, how: string}>} */
const ADVICE = {
  chromium: { what: 'Chromium', how: 'node scripts/browser.mjs, or set CHROMIUM_PATH' },
  firefox: { what: 'Firefox', how: 'apt-get install firefox-esr, or set FIREFOX_PATH' },
  deno: { what: 'Deno (npm package deno)', how: 'npm ci on a platform that the package supports' },
  dawn: { what: 'Dawn for Node (npm package webgpu)', how: 'npm ci on a platform that the package supports' },
  swiftshaderIcd: { what: 'the SwiftShader Vulkan driver', how: 'it comes with Chromium' },
  lavapipeIcd: { what: 'the lavapipe Vulkan driver', how: 'apt-get install mesa-vulkan-drivers' },
  libvulkan: { what: 'the Vulkan loader', how: 'apt-get install libvulkan1' },
}

/**
 * What is on this machine. Installs nothing.
 * @returns {{stacks: TestStacks, missing: MissingStack[]}}
 */
export function findTestStacks() {
  const found = {
    chromium: findBrowser(),
    firefox: firefox(),
    deno: deno(),
    dawn: dawn(),
    swiftshaderIcd: swiftshaderIcd(),
    lavapipeIcd: lavapipeIcd(),
    libvulkan: hasVulkanLoader() || undefined,
  }
  /** @type {MissingStack[]} */
  const missing = []
  for (const name of /** @type {MissingStack['name'][]} */ (Object.keys(found))) {
    if (found[name] === undefined) missing.push({ name, ...ADVICE[name] })
  }
  const { libvulkan: _, ...paths } = found
  const stacks = Object.fromEntries(Object.entries(paths).filter(([, value]) => value !== undefined))
  return { stacks: /** @type {TestStacks} */ (stacks), missing }
}

/**
 * Installs what this machine lacks and may install (Debian packages as root; a Chromium in any case), then looks.
 * @param {{quiet?: boolean}} [options]
 */
export async function ensureTestStacks({ quiet = false } = {}) {
  await ensureBrowser({ quiet })
  if (canApt() && findTestStacks().missing.length > 0) await aptInstall(DEBS, { quiet })
  return findTestStacks()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { stacks, missing } = await ensureTestStacks()
  for (const [name, value] of Object.entries(stacks)) {
    console.log(`${name}: ${typeof value === 'string' ? value : value.executablePath}`)
  }
  for (const { what, how } of missing) console.log(`missing: ${what} (${how})`)
}
