import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { philoxOracle } from './philox.test-support.ts'
import { philox4x32 } from './philox.ts'
import { anyWord, property } from './property.test-support.ts'

const vectors = readFileSync(new URL('testdata/random123-kat.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('philox4x32 '))
  .map((line) => {
    const [, rounds, ...words] = line.split(/\s+/)
    return { line, rounds: Number(rounds), words: words.map((word) => Number.parseInt(word, 16)) }
  })

describe('Philox4x32', () => {
  test('the file holds the six known answers', () => {
    expect(vectors.map((v) => v.rounds)).toEqual([7, 7, 7, 10, 10, 10])
  })

  test.each(vectors)('known answer $line', ({ rounds, words }) => {
    const out = new Uint32Array(4)
    const [c0, c1, c2, c3, k0, k1] = words as [number, number, number, number, number, number]
    philox4x32(out, c0, c1, c2, c3, k0, k1, rounds)
    expect([...out]).toEqual(words.slice(6))
    expect(philoxOracle([c0, c1, c2, c3].map(BigInt), [k0, k1].map(BigInt), rounds)).toEqual(
      words.slice(6).map(BigInt),
    )
  })

  test('agrees with the BigInt form, ten rounds by default', () => {
    const out = new Uint32Array(4)
    property('philox', [anyWord, anyWord, anyWord, anyWord, anyWord, anyWord], (c0, c1, c2, c3, k0, k1) => {
      philox4x32(out, c0, c1, c2, c3, k0, k1)
      expect([...out].map(BigInt)).toEqual(philoxOracle([c0, c1, c2, c3].map(BigInt), [k0, k1].map(BigInt)))
    })
  })
})
