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
      const part = larger.subarray(offset, offset + bytes.length)
      expect([...bytesToWords(part)]).toEqual(values)
      // Room for eight of them: where there is enough, nothing else is taken.
      const room = new Uint32Array(10).subarray(1, 9)
      const words = bytesToWords(part, room)
      expect([...words]).toEqual(values)
      expect(words.buffer === room.buffer).toBe(values.length <= room.length)
      // And nothing before or behind it is written to.
      const all = new Uint32Array(room.buffer)
      expect([all[0], all[9]]).toEqual([0, 0])
    },
    200,
  )
  expect(() => bytesToWords(new Uint8Array(5))).toThrow(RangeError)
})
