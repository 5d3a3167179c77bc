/**
 * Links every kernel under shaders/ with its prelude, compiles the normative ones to WASM, and writes
 *   shaders/generated/wgsl/<kernel>.ts    the WGSL text of a kernel and the module that admits its jobs, for devices
 *   shaders/generated/wasm/<kernel>.ts    the modules of a kernel, base64; an index of each folder loads them one by one
 *   kernel/generated/kernel-digests.ts    the SHA-256 of each text, which replay keys name
 *   agent-runtime/generated/golden-digests.ts   what the golden jobs of each op give
 * A kernel is compiled again when its text, the compiler or one of the compiler's libraries has changed.
 *
 *   node scripts/generate-kernels.mjs            write what changed
 *   node scripts/generate-kernels.mjs --check    fail when a committed file is stale
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tsImport } from 'tsx/esm/api'

const root = fileURLToPath(new URL('..', import.meta.url))
const shaders = join(root, 'shaders')

/** @type {typeof import('../shaders/link.ts')} */
const { link } = await tsImport('../shaders/link.ts', import.meta.url)
/** @type {typeof import('../shaders/compiler/compile.ts')} */
const { compileKernel } = await tsImport('../shaders/compiler/compile.ts', import.meta.url)

const sources = readdirSync(shaders, { recursive: true, encoding: 'utf8' })
  .map((path) => path.split(sep).join('/'))
  .filter((path) => path.endsWith('.wgsl') && !/^(prelude|compiler)[/]/.test(path))
  .sort()

/** @param {string} name */
function wgsl(name) {
  const path = join(shaders, `${name}.wgsl`)
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

const kernels = sources.map((path) => {
  const name = path.replace(/\.wgsl$/, '')
  const source = link(
    path,
    readFileSync(join(shaders, path), 'utf8'),
    (part) => wgsl(`prelude/${part}`),
    wgsl,
  )
  return { name, source, text: source.text, sha256: sha256(source.text) }
})

/** @param {string | Uint8Array} content */
function sha256(content) {
  return createHash('sha256').update(content).digest('hex')
}

/** Everything besides a kernel's text that its modules depend on. */
const compiler = sha256(
  [
    ...readdirSync(join(shaders, 'compiler'))
      .filter((file) => file.endsWith('.ts') && !/[.](test|test-support|d)[.]ts$/.test(file))
      .sort()
      .map((file) => readFileSync(join(shaders, 'compiler', file), 'utf8')),
    ...['binaryen', 'wgsl_reflect'].map(
      (library) =>
        JSON.parse(readFileSync(join(root, 'node_modules', library, 'package.json'), 'utf8')).version,
    ),
  ].join('\0'),
)

/**
 * Whether a kernel defines results, and is therefore compiled: not the probes, the demonstrations, and the variants such
 * as `tensor/matmul.v1.dp4a`, which only have to agree with it.
 * @param {string} name
 */
const isNormative = (name) => !/^(probe|demo)[/]/.test(name) && /[.]v[0-9]+$/.test(name)

/** @param {string} name */
const fileOf = (name) => `${name.replaceAll('/', '-')}.ts`

/** @param {string} path relative to the root */
function current(path) {
  const file = join(root, path)
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

const encode = (/** @type {Uint8Array} */ bytes) => Buffer.from(bytes).toString('base64')

/**
 * A file as it stands, where it was made from the same kernel by the same compiler and nobody has touched it.
 * @param {string} path relative to the root
 * @param {string} stamp
 */
function kept(path, stamp) {
  const known = current(path)
  const made = /^\/\/ Made from ([0-9a-f]{64}), content ([0-9a-f]{64})$/m.exec(known ?? '')
  const body = known?.slice(known.indexOf('\n/**'))
  return made?.[1] === stamp && made[2] === sha256(body ?? '') ? known : undefined
}

/**
 * The files that devices and WASM hosts load of a kernel: as they stand where they are current, else made anew.
 * @param {(typeof kernels)[number]} kernel
 * @returns {Record<string, string>} text by path
 */
function filesOf({ name, source, text }) {
  const stamp = sha256(`${compiler}\0${text}`)
  const paths = {
    wgsl: `shaders/generated/wgsl/${fileOf(name)}`,
    ...(isNormative(name) ? { wasm: `shaders/generated/wasm/${fileOf(name)}` } : {}),
  }
  const known = Object.values(paths).flatMap((path) => {
    const file = kept(path, stamp)
    return file === undefined ? [] : [[path, file]]
  })
  if (known.length === Object.keys(paths).length) return Object.fromEntries(known)
  const compiled = isNormative(name) ? compileKernel(name, source) : undefined
  const stamped = (/** @type {string} */ body) =>
    `${notice}// Made from ${stamp}, content ${sha256(body)}\n${body}`
  /** @type {Record<string, string>} */
  const files = {
    [paths.wgsl]: stamped(`
/** Whether a job keeps to the proofs of the kernel; a kernel that no contract runs has none. */
export const ADMISSION = ${compiled === undefined ? 'undefined' : `\n  '${encode(compiled.admission)}'`}

/** Linked. */
export const WGSL = \`${text.replace(/[`\\]|\$\{/g, '\\$&')}\`
`),
  }
  if (paths.wasm !== undefined && compiled !== undefined) {
    const { scalar, simd } = compiled
    console.log(`${name}: compiled to ${scalar.length} bytes of scalar WASM, ${simd.length} with SIMD`)
    files[paths.wasm] = stamped(`
/** For every engine. */
export const SCALAR =
  '${encode(scalar)}'

/** Four lanes side by side. */
export const SIMD =
  '${encode(simd)}'
`)
  }
  return files
}

const notice = '// Generated by scripts/generate-kernels.mjs from shaders/**/*.wgsl. Do not edit.\n'

const normative = kernels.filter(({ name }) => isNormative(name))
const perKernel = Object.assign({}, ...kernels.map(filesOf))

/** @type {Record<string, string>} */
const files = {
  ...perKernel,
  'shaders/generated/wasm/index.ts': `${notice}
/** The modules of a kernel in base64, loaded when they are asked for. */
export const WASM_MODULES: Readonly<
  Record<string, () => Promise<{ readonly SCALAR: string; readonly SIMD: string }>>
> = {
${normative.map(({ name }) => `  '${name}': () => import('./${fileOf(name)}'),\n`).join('')}}
`,
  'shaders/generated/wgsl/index.ts': `${notice}
/** The WGSL of a kernel and its admission module in base64, loaded when they are asked for. */
export const WGSL_KERNELS: Readonly<
  Record<string, () => Promise<{ readonly WGSL: string; readonly ADMISSION: string | undefined }>>
> = {
${kernels.map(({ name }) => `  '${name}': () => import('./${fileOf(name)}'),\n`).join('')}}
`,
  'kernel/generated/kernel-digests.ts': `${notice}
/** SHA-256 of the linked WGSL by kernel name: the normative text that a replay key stands for. */
export const KERNEL_DIGESTS: Readonly<Record<string, string>> = {
${kernels.map(({ name, sha256 }) => `  '${name}': '${sha256}',\n`).join('')}}
`,
}

const checking = process.argv.includes('--check')

/**
 * Compares files with what they should be, and writes them unless this run only checks.
 * @param {Record<string, string>} wanted text by path
 */
function settle(wanted) {
  for (const [path, text] of Object.entries(wanted)) {
    if (current(path) === text) continue
    if (checking) {
      console.error(`stale: ${path} (npm run generate)`)
      process.exitCode = 1
      continue
    }
    const file = join(root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    console.log(`${relative(root, file)} written`)
  }
}

settle(files)
// The ops of the registry name kernels by digest: they can be asked only once the digests are on disk.
if (process.exitCode === undefined)
  settle({ 'agent-runtime/generated/golden-digests.ts': await goldenDigests() })
if (!checking) console.log(`${kernels.length} kernels: ${kernels.map((kernel) => kernel.name).join(', ')}`)

async function goldenDigests() {
  /** @type {typeof import('../agent-runtime/golden.ts')} */
  const { goldenJobs } = await tsImport('../agent-runtime/golden.ts', import.meta.url)
  /** @type {typeof import('../kernel/ops/registry.ts')} */
  const { OPS } = await tsImport('../kernel/ops/registry.ts', import.meta.url)
  /** @type {typeof import('../kernel/execute/wasm-program.ts')} */
  const { WasmProgram } = await tsImport('../kernel/execute/wasm-program.ts', import.meta.url)
  const ops = OPS.list().map(({ id }) => {
    const jobs = goldenJobs(OPS, id).map(({ job, inputs }) => {
      const program = job.gpu()
      const text = perKernel[`shaders/generated/wasm/${fileOf(program.kernel)}`] ?? ''
      const scalar = /export const SCALAR =\s+'([^']*)'/.exec(text)?.[1] ?? ''
      const compiled = new WasmProgram(new WebAssembly.Module(Buffer.from(scalar, 'base64')), program, inputs)
      const digests = Array.from({ length: job.plan.shard_count }, (_, shard) => sha256(compiled.leaf(shard)))
      return `    [\n${digests.map((digest) => `      '${digest}',\n`).join('')}    ],\n`
    })
    return `  '${id}': [\n${jobs.join('')}  ],\n`
  })
  return `// Generated by scripts/generate-kernels.mjs from kernel/ops/*/golden.ts. Do not edit.

/** SHA-256 of the leaves of each op's golden jobs, by job and shard. The tests compare them with the references. */
export const GOLDEN_DIGESTS: Readonly<Record<string, readonly (readonly string[])[]>> = {
${ops.join('')}}
`
}
