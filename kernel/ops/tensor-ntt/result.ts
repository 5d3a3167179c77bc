import { z } from 'zod'
import { sha256Hex } from '../../digest.ts'
import { bitLength } from '../../numerics/bigmath.ts'
import { limbsToBigInt, limbsToSignedBigInt } from '../../numerics/limbs.ts'
import { bytesToWords, wordsToBytes } from '../../numerics/words.ts'
import type { Artifact } from '../op.ts'
import type { NttArgs } from './args.ts'
import { FIELDS } from './field.ts'
import type { NttConstants, NttPlan } from './plan.ts'
import { COEFFICIENT_WORDS, carried, coefficients, joinFactors } from './recombine.ts'

/** Residues by prime while leaves arrive, N of each: factor after factor. */
export interface Residues {
  readonly constants: NttConstants
  readonly byPrime: readonly [Uint32Array, Uint32Array, Uint32Array]
}

const digits = z.string().regex(/^-?[0-9]{1,40}$/)

/** The blocks of an even division of the coefficients. */
const PREVIEW_MAX = 128

export const nttResult = z.strictObject({
  operation: z.enum(['convolution', 'product']),
  /** SHA-256 of the artifact `c`. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** Coefficients, or 32-bit digits of the product. */
  length: z.int(),
  /** Bits of the largest coefficient's magnitude, or of the product. */
  bits: z.int(),
  /** A convolution's coefficients: decimal, exact. Null for a product. */
  coefficients: z
    .strictObject({
      min: digits,
      max: digits,
      sum: digits,
      /** By block: its first index, and its least, mean (rounded down) and greatest coefficient. */
      blocks: z
        .array(z.strictObject({ first: z.int(), min: digits, mean: digits, max: digits }))
        .max(PREVIEW_MAX),
    })
    .nullable(),
  /** A product's first and last 64 bits in hexadecimal, and its value modulo 2^61 - 1. Null for a convolution. */
  product: z
    .strictObject({
      highest: z.string().regex(/^[0-9a-f]{1,16}$/),
      lowest: z.string().regex(/^[0-9a-f]{16}$/),
      modulo_m61: digits,
    })
    .nullable(),
})
export type NttResult = z.infer<typeof nttResult>

export function emptyResidues(plan: NttPlan): Residues {
  const length = 2 ** plan.constants.log2_length
  return {
    constants: plan.constants,
    byPrime: [new Uint32Array(length), new Uint32Array(length), new Uint32Array(length)],
  }
}

export function placeFactor({ constants: c, byPrime }: Residues, shard: number, leaf: Uint8Array): void {
  const part = shard & (2 ** c.log2_parts - 1)
  byPrime[shard >> c.log2_parts]?.set(bytesToWords(leaf), part * 2 ** c.log2_size)
}

/** A factor has exactly its length, and residues of its prime. */
export function checkFactor(plan: NttPlan, shard: number, leaf: Uint8Array): string | undefined {
  const expected = plan.leaf.max_bytes
  if (leaf.length !== expected) return `a factor of ${leaf.length} bytes instead of ${expected}`
  const p = FIELDS[shard >> plan.constants.log2_parts]?.p ?? 0
  const words = bytesToWords(leaf)
  const wrong = words.findIndex((word) => word >= p)
  return wrong < 0 ? undefined : `residue ${wrong} is ${words[wrong]}, not below the prime ${p}`
}

export function reduceResidues(
  args: NttArgs,
  { constants: c, byPrime }: Residues,
  signed: boolean,
): { readonly result: NttResult; readonly artifacts: readonly Artifact[] } {
  const joined = byPrime.map((residues) => residues.slice()) as unknown as Residues['byPrime']
  joinFactors(joined[0], c, 0)
  joinFactors(joined[1], c, 1)
  joinFactors(joined[2], c, 2)
  const length = c.a_length + c.b_length - 1
  const words = coefficients(joined, length, signed)
  if (args.operation === 'product') {
    const number = carried(words)
    const bytes = wordsToBytes(number)
    const artifact: Artifact = { name: 'c', dtype: 'uint32', shape: [number.length], bytes }
    const result: NttResult = {
      operation: 'product',
      digest: sha256Hex(bytes),
      length: number.length,
      ...productFacts(number),
      coefficients: null,
    }
    return { result, artifacts: [artifact] }
  }
  const bytes = wordsToBytes(words)
  const artifact: Artifact = { name: 'c', dtype: 'uint32', shape: [length, COEFFICIENT_WORDS], bytes }
  const result: NttResult = {
    operation: 'convolution',
    digest: sha256Hex(bytes),
    length,
    ...coefficientFacts(words, length, signed),
    product: null,
  }
  return { result, artifacts: [artifact] }
}

function productFacts(number: Uint32Array): Pick<NttResult, 'bits' | 'product'> {
  let top = number.length - 1
  while (top > 0 && number[top] === 0) top--
  const bits = 32 * top + 32 - Math.clz32(number[top] as number)
  const M61 = (1n << 61n) - 1n
  let rest = 0n
  for (let i = top; i >= 0; i--) rest = ((rest << 32n) + BigInt(number[i] as number)) % M61
  // Three words hold the highest 64 bits.
  const highest = limbsToBigInt(number, Math.max(0, top - 2), top - Math.max(0, top - 2) + 1)
  const shift = Math.max(0, bitLength(highest) - 64)
  return {
    bits,
    product: {
      highest: (highest >> BigInt(shift)).toString(16),
      lowest: limbsToBigInt(number, 0, 2).toString(16).padStart(16, '0'),
      modulo_m61: rest.toString(),
    },
  }
}

function coefficientFacts(
  words: Uint32Array,
  length: number,
  signed: boolean,
): Pick<NttResult, 'bits' | 'coefficients'> {
  const read = signed ? limbsToSignedBigInt : limbsToBigInt
  const count = Math.min(length, PREVIEW_MAX)
  const blocks = Array.from({ length: count }, (_, block) => {
    const first = Math.floor((block * length) / count)
    const end = Math.floor(((block + 1) * length) / count)
    let min = read(words, COEFFICIENT_WORDS * first, COEFFICIENT_WORDS)
    let max = min
    let sum = 0n
    for (let i = first; i < end; i++) {
      const value = read(words, COEFFICIENT_WORDS * i, COEFFICIENT_WORDS)
      if (value < min) min = value
      if (value > max) max = value
      sum += value
    }
    const size = BigInt(end - first)
    const rest = ((sum % size) + size) % size
    return { first, min, max, sum, mean: (sum - rest) / size }
  })
  const min = blocks.reduce((least, block) => (block.min < least ? block.min : least), blocks[0]?.min ?? 0n)
  const max = blocks.reduce((most, block) => (block.max > most ? block.max : most), blocks[0]?.max ?? 0n)
  return {
    bits: Math.max(bitLength(min), bitLength(max)),
    coefficients: {
      min: min.toString(),
      max: max.toString(),
      sum: blocks.reduce((sum, block) => sum + block.sum, 0n).toString(),
      blocks: blocks.map((block) => ({
        first: block.first,
        min: block.min.toString(),
        mean: block.mean.toString(),
        max: block.max.toString(),
      })),
    },
  }
}
