import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bytesToHex, hexToBytes, sameBytes, utf8ToBytes } from './digest.ts'

it('writes bytes of any length as hexadecimal digits, and reads them back', () => {
  expect(bytesToHex(new Uint8Array([0x00, 0x09, 0x0a, 0x90, 0xa0, 0xff]))).toBe('00090a90a0ff')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(0, 4096, 10_000), (bytes, zeros) => {
      const all = new Uint8Array(zeros + bytes.length)
      all.set(bytes, zeros)
      expect(bytesToHex(all)).toBe(Buffer.from(all).toString('hex'))
      expect(Buffer.compare(hexToBytes(bytesToHex(all)), all)).toBe(0)
    }),
    { numRuns: 50 },
  )
})

it('writes text as UTF-8', () => {
  expect([...utf8ToBytes('aé€😀')]).toEqual([...Buffer.from('aé€😀')])
})

it('compares parts of byte strings', () => {
  const [a, b] = [new Uint8Array([1, 2, 3, 4]), new Uint8Array([0, 2, 3, 5])]
  expect(sameBytes(a, 1, b, 1, 2)).toBe(true)
  expect(sameBytes(a, 1, b, 1, 3)).toBe(false)
  expect(sameBytes(a, 0, b, 1, 0)).toBe(true)
})
