import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { KERNEL_DIGESTS } from '../kernel/generated/kernel-digests.ts'
import { compileKernel } from './compiler/compile.ts'
import { WASM_MODULES } from './generated/wasm/index.ts'
import { WGSL_KERNELS } from './generated/wgsl/index.ts'
import { link } from './link.ts'

test('every kernel is generated, and its digest is that of its text', async () => {
  const names = readdirSync(fileURLToPath(new URL('.', import.meta.url)), {
    recursive: true,
    encoding: 'utf8',
  })
    .filter((path) => path.endsWith('.wgsl') && !/^(prelude|compiler)/.test(path))
    .map((path) => path.replaceAll('\\', '/').replace(/\.wgsl$/, ''))
    .sort()
  expect(Object.keys(WGSL_KERNELS).sort()).toEqual(names)
  expect(Object.keys(KERNEL_DIGESTS).sort()).toEqual(names)
  for (const [name, load] of Object.entries(WGSL_KERNELS)) {
    const { WGSL: text, ADMISSION } = await load()
    expect(KERNEL_DIGESTS[name]).toBe(createHash('sha256').update(text).digest('hex'))
    expect(text).not.toContain('//!include')
    // Only what contracts run has proofs to keep to.
    expect(ADMISSION === undefined).toBe(WASM_MODULES[name] === undefined)
  }
})

test.each(Object.keys(WASM_MODULES))(
  'the committed modules of %s are what its text compiles to',
  { timeout: 120_000 },
  async (kernel) => {
    const text = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
    const source = link(`${kernel}.wgsl`, text(`${kernel}.wgsl`), (part) => text(`prelude/${part}.wgsl`))
    const { scalar, simd, admission } = compileKernel(kernel, source)
    const { SCALAR, SIMD } = await WASM_MODULES[kernel]!()
    expect(SCALAR).toBe(Buffer.from(scalar).toString('base64'))
    expect(SIMD).toBe(Buffer.from(simd).toString('base64'))
    expect((await WGSL_KERNELS[kernel]!()).ADMISSION).toBe(Buffer.from(admission).toString('base64'))
  },
)
