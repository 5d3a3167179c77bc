import { createHash } from 'node:crypto'
import { afterEach, expect, it, vi } from 'vitest'
import { leafDigest } from './leaf-digest.ts'

const bytesOf = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 31) & 255)
const native = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest())

afterEach(() => vi.unstubAllGlobals())

it.each([0, 16, 16_383, 16_384, 300_000])('gives SHA-256 of %i bytes', async (length) => {
  expect(await leafDigest(bytesOf(length))).toEqual(native(bytesOf(length)))
})

it('gives the same without WebCrypto, and from shared memory', async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(20_000))
  shared.set(bytesOf(20_000))
  expect(await leafDigest(shared)).toEqual(native(bytesOf(20_000)))
  vi.stubGlobal('crypto', {})
  expect(await leafDigest(bytesOf(20_000))).toEqual(native(bytesOf(20_000)))
})
