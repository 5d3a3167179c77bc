import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { decodeBase64 } from './base64.ts'
import { TABLES, type TableName } from './index.ts'

const PINNED: Record<TableName, { words: number; sha256: string }> = {
  'normal-quantile': {
    words: 2048,
    sha256: 'ef2774e52d279e689bd9587e9ebccf6375ad1a99309e0935159bd069ae693d39',
  },
  exp2: { words: 1024, sha256: '9c482dba7baf073878d07916bddff1c3f89af76e84f4aa9f10fc5aabe76a2ee6' },
  log2: { words: 1024, sha256: '9b0623c8a6181c0921cb5db90e5178110867cec9206b14d6061871609a4bfb29' },
}

describe.each(Object.keys(PINNED) as TableName[])('table %s', (name) => {
  const table = TABLES[name]

  test('its bytes have the digest that replay keys name', () => {
    expect(createHash('sha256').update(table.bytes).digest('hex')).toBe(table.sha256)
    expect(table.sha256).toBe(PINNED[name].sha256)
  })

  test('its words are the little-endian bytes, four a row, the last one zero', () => {
    const bytes = Buffer.from(table.bytes)
    expect(table.words.length).toBe(PINNED[name].words)
    expect([...table.words]).toEqual(
      Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(4 * i)),
    )
    expect(table.words.filter((_, i) => i % 4 === 3).every((word) => word === 0)).toBe(true)
  })
})

describe('decodeBase64', () => {
  test.each(['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'])('RFC 4648, section 10: %j', (text) => {
    const encoded = Buffer.from(text).toString('base64')
    expect(Buffer.from(decodeBase64(`\n${encoded}\n`)).toString()).toBe(text)
  })

  test('refuses other characters', () => {
    expect(() => decodeBase64('ab-d')).toThrow(RangeError)
  })
})
