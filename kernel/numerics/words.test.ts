import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyWord, property } from './property.test-support.ts'
import { bytesToWords, wordsToBytes } from './words.ts'

test('words are little-endian bytes, also inside a larger buffer', () => {
  expect([...wordsToBytes(Uint32Array.of(0x04030201, 0xff))]).toEqual([1, 2, 3, 4, 255, 0, 0, 0])
  property(
    'words',
    [fc.array(anyWord, { maxLength: 20 }), fc.integer({ min: 0, max: 3 })],
    (values, offset) => {
      const bytes = wordsToBytes(Uint32Array.from(values))
      const larger = new Uint8Array(bytes.length + 8)
      larger.set(bytes, offset)
      expect([...bytesToWords(larger.subarray(offset, offset + bytes.length))]).toEqual(values)
    },
    200,
  )
  expect(() => bytesToWords(new Uint8Array(5))).toThrow(RangeError)
})
