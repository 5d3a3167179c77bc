import { z } from 'zod'
import { sha256Hex } from '../../digest.ts'
import { ratioToNumber } from '../../numerics/bigmath.ts'
import { add64, add96, limbsToBigInt, limbsToSignedBigInt } from '../../numerics/limbs.ts'
import { bytesToWords, wordsToBytes } from '../../numerics/words.ts'
import type { Artifact } from '../op.ts'
import { ITEM_WORDS, itemOf, type ReduceConstants, type ReducePlan, segmentsOf, shardItems } from './plan.ts'

/** Items added up by line, ITEM_WORDS words each; the last word tells whether a line has anything yet. */
export interface Lines {
  readonly constants: ReduceConstants
  readonly words: Uint32Array
}

const digits = z.string().regex(/^-?[0-9]{1,40}$/)
const digest = z.string().regex(/^[0-9a-f]{64}$/)
const PREVIEW_MAX = 128

export const reduceResult = z.strictObject({
  lines: z.int().min(1),
  /** Elements of a line. */
  depth: z.int().min(1),
  /** Over all lines. Sums are decimal and exact; mean and population variance are the nearest doubles. */
  total: z.strictObject({
    sum: digits,
    sum_squares: digits,
    min: z.int(),
    max: z.int(),
    mean: z.number(),
    variance: z.number(),
  }),
  /** SHA-256 of the artifacts, one entry a line. */
  digests: z.strictObject({ sums: digest, squares: digest, extremes: digest }),
  /** At most 128 lines, evenly chosen. */
  preview: z
    .array(z.strictObject({ line: z.int(), mean: z.number(), min: z.int(), max: z.int() }))
    .min(1)
    .max(PREVIEW_MAX),
})
export type ReduceResult = z.infer<typeof reduceResult>

export function emptyLines({ constants }: ReducePlan): Lines {
  return { constants, words: new Uint32Array(ITEM_WORDS * constants.lines) }
}

export function addItems({ constants: c, words }: Lines, shard: number, leaf: Uint8Array): void {
  const items = bytesToWords(leaf)
  const segments = segmentsOf(c)
  const bias = c.signed ? 0x80000000 : 0
  for (let i = 0; i < items.length / ITEM_WORDS; i++) {
    const from = ITEM_WORDS * i
    const at = ITEM_WORDS * Math.floor((shard * c.shard_items + i) / segments)
    const word = (k: number) => items[from + k] as number
    const key = (w: number | undefined) => ((w as number) ^ bias) >>> 0
    add64(words, at, word(0), word(1))
    add96(words, at + 2, word(2), word(3), word(4))
    const known = words[at + 7] === 1
    if (!known || key(word(5)) < key(words[at + 5])) words[at + 5] = word(5)
    if (!known || key(word(6)) > key(words[at + 6])) words[at + 6] = word(6)
    words[at + 7] = 1
  }
}

/**
 * Every item has its words; least <= greatest; the sum lies within count times either; n sum of squares >= sum^2
 * (Cauchy-Schwarz), and no square is larger than that of the largest magnitude.
 */
export function checkReduced(plan: ReducePlan, shard: number, leaf: Uint8Array): string | undefined {
  const c = plan.constants
  const expected = 4 * ITEM_WORDS * shardItems(c, shard)
  if (leaf.length !== expected) return `a leaf of ${leaf.length} bytes instead of ${expected}`
  const words = bytesToWords(leaf)
  for (let i = 0; i < words.length / ITEM_WORDS; i++) {
    const at = ITEM_WORDS * i
    const count = BigInt(itemOf(c, shard * c.shard_items + i).count)
    const sum = limbsToSignedBigInt(words, at, 2)
    const squares = limbsToBigInt(words, at + 2, 3)
    const least = BigInt(element(words[at + 5], c))
    const greatest = BigInt(element(words[at + 6], c))
    if (words[at + 7] !== 0) return `item ${i}: a word that must be zero is not`
    if (least > greatest) return `item ${i}: the least element is ${least}, the greatest ${greatest}`
    if (sum < count * least || sum > count * greatest)
      return `item ${i}: a sum of ${sum} is not between its ends`
    const most = least * least > greatest * greatest ? least * least : greatest * greatest
    if (count * squares < sum * sum || squares > count * most)
      return `item ${i}: impossible sum of squares ${squares}`
  }
  return undefined
}

function element(word: number | undefined, { signed }: ReduceConstants): number {
  return signed ? (word as number) | 0 : (word as number)
}

export function reduceLines({ constants: c, words }: Lines): {
  readonly result: ReduceResult
  readonly artifacts: readonly Artifact[]
} {
  const sums = new Uint32Array(2 * c.lines)
  const squares = new Uint32Array(3 * c.lines)
  const extremes = new Uint32Array(2 * c.lines)
  let sum = 0n
  let square = 0n
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (let line = 0; line < c.lines; line++) {
    const at = ITEM_WORDS * line
    sums.set(words.subarray(at, at + 2), 2 * line)
    squares.set(words.subarray(at + 2, at + 5), 3 * line)
    extremes.set(words.subarray(at + 5, at + 7), 2 * line)
    sum += limbsToSignedBigInt(words, at, 2)
    square += limbsToBigInt(words, at + 2, 3)
    min = Math.min(min, element(words[at + 5], c))
    max = Math.max(max, element(words[at + 6], c))
  }
  const n = BigInt(c.lines) * BigInt(c.depth)
  const count = Math.min(c.lines, PREVIEW_MAX)
  const preview = Array.from({ length: count }, (_, i) => {
    const line = Math.floor((i * c.lines) / count)
    const at = ITEM_WORDS * line
    return {
      line,
      mean: ratioToNumber(limbsToSignedBigInt(words, at, 2), BigInt(c.depth)),
      min: element(words[at + 5], c),
      max: element(words[at + 6], c),
    }
  })
  const artifact = (name: string, dtype: 'uint32' | 'int32', data: Uint32Array): Artifact => ({
    name,
    dtype,
    shape: [c.lines, data.length / c.lines],
    bytes: wordsToBytes(data),
  })
  const artifacts = [
    artifact('sums', 'uint32', sums),
    artifact('squares', 'uint32', squares),
    artifact('extremes', c.signed ? 'int32' : 'uint32', extremes),
  ] as const
  return {
    result: {
      lines: c.lines,
      depth: c.depth,
      total: {
        sum: sum.toString(),
        sum_squares: square.toString(),
        min,
        max,
        mean: ratioToNumber(sum, n),
        variance: ratioToNumber(n * square - sum * sum, n * n),
      },
      digests: {
        sums: sha256Hex(artifacts[0].bytes),
        squares: sha256Hex(artifacts[1].bytes),
        extremes: sha256Hex(artifacts[2].bytes),
      },
      preview,
    },
    artifacts,
  }
}
