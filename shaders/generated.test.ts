import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { KERNEL_DIGESTS } from '../kernel/generated/kernel-digests.ts'
import { compileKernel } from './compiler/compile.ts'
import { KERNELS } from './generated/kernels.ts'
import { WASM_MODULES } from './generated/wasm/index.ts'
import { link } from './link.ts'

test('every kernel is generated, and its digest is that of its text', () => {
  const names = readdirSync(fileURLToPath(new URL('.', import.meta.url)), {
    recursive: true,
    encoding: 'utf8',
  })
    .filter((path) => path.endsWith('.wgsl') && !/^(prelude|compiler)/.test(path))
    .map((path) => path.replaceAll('\\', '/').replace(/\.wgsl$/, ''))
    .sort()
  expect(Object.keys(KERNELS).sort()).toEqual(names)
  expect(Object.keys(KERNEL_DIGESTS).sort()).toEqual(names)
  for (const [name, text] of Object.entries(KERNELS)) {
    expect(KERNEL_DIGESTS[name]).toBe(createHash('sha256').update(text).digest('hex'))
    expect(text).not.toContain('//!include')
  }
})

test.each(Object.keys(WASM_MODULES))(
  'the committed modules of %s are what its text compiles to',
  { timeout: 120_000 },
  async (kernel) => {
    const text = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
    const source = link(`${kernel}.wgsl`, text(`${kernel}.wgsl`), (part) => text(`prelude/${part}.wgsl`))
    const { scalar, simd } = compileKernel(kernel, source)
    const { SCALAR, SIMD } = await WASM_MODULES[kernel]!()
    expect(SCALAR).toBe(Buffer.from(scalar).toString('base64'))
    expect(SIMD).toBe(Buffer.from(simd).toString('base64'))
  },
)
