import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { philox4x32 } from './philox.ts'
import { anyWord, property } from './property.test-support.ts'

const MASK = 0xffffffffn

/** The generator as the paper writes it, in BigInt. */
function philoxOracle(counter: readonly number[], key: readonly number[], rounds: number): number[] {
  let [a, b, c, d] = counter.map(BigInt) as [bigint, bigint, bigint, bigint]
  let [k0, k1] = key.map(BigInt) as [bigint, bigint]
  for (let round = 0; round < rounds; round++) {
    const p0 = a * 0xd2511f53n
    const p1 = c * 0xcd9e8d57n
    ;[a, b, c, d] = [(p1 >> 32n) ^ b ^ k0, p1 & MASK, (p0 >> 32n) ^ d ^ k1, p0 & MASK]
    k0 = (k0 + 0x9e3779b9n) & MASK
    k1 = (k1 + 0xbb67ae85n) & MASK
  }
  return [a, b, c, d].map(Number)
}

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
    expect(philoxOracle([c0, c1, c2, c3], [k0, k1], rounds)).toEqual(words.slice(6))
  })

  test('agrees with the BigInt form, ten rounds by default', () => {
    const out = new Uint32Array(4)
    property('philox', [anyWord, anyWord, anyWord, anyWord, anyWord, anyWord], (c0, c1, c2, c3, k0, k1) => {
      philox4x32(out, c0, c1, c2, c3, k0, k1)
      expect([...out]).toEqual(philoxOracle([c0, c1, c2, c3], [k0, k1], 10))
    })
  })
})
