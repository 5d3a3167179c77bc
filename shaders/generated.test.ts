import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { KERNEL_DIGESTS } from '../kernel/generated/kernel-digests.ts'
import { KERNELS } from './generated/kernels.ts'

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
