import fc from 'fast-check'
import { anyWord } from '../../numerics/property.test-support.ts'
import { NOT_FINITE } from './quantise.ts'

/** How lines of float32 are rounded, in BigInt. */

/** A float32 as (sign mantissa) 2^exponent. */
export function exactFloat(bits: number): { mantissa: bigint; exponent: number } {
  const biased = (bits >>> 23) & 0xff
  const fraction = BigInt(bits & 0x7fffff)
  const mantissa = biased === 0 ? fraction : fraction | 0x800000n
  return { mantissa: bits >>> 31 ? -mantissa : mantissa, exponent: Math.max(biased, 1) - 150 }
}

/** x / 2^e to the nearest integer, a tie to the even one. */
function roundedTo({ mantissa, exponent }: { mantissa: bigint; exponent: number }, e: number): bigint {
  if (exponent >= e) return mantissa << BigInt(exponent - e)
  const unit = 1n << BigInt(e - exponent)
  const size = mantissa < 0n ? -mantissa : mantissa
  const floor = size / unit
  const twice = 2n * (size % unit)
  const rounded = twice > unit || (twice === unit && floor % 2n === 1n) ? floor + 1n : floor
  return mantissa < 0n ? -rounded : rounded
}

/** The least exponent from -128 with which every element fits, by trying all. */
export function oracleLine(line: readonly number[], bits: 16 | 24): { e: number; m: bigint[] } {
  const limit = 1n << BigInt(bits - 1)
  if (line.some((word) => (word & 0x7f800000) === 0x7f800000)) return { e: NOT_FINITE, m: line.map(() => 0n) }
  for (let e = -128; ; e++) {
    const m = line.map((word) => roundedTo(exactFloat(word), e))
    if (m.every((x) => x < limit && x > -limit)) return { e, m }
  }
}

export const finite = anyWord.map((word) => ((word & 0x7f800000) === 0x7f800000 ? word & 0xbfffffff : word))
export const near = fc
  .tuple(fc.integer({ min: 100, max: 140 }), fc.nat({ max: 0x7fffff }), fc.boolean())
  .map(([e, fraction, negative]) => ((negative ? 0x80000000 : 0) + e * 2 ** 23 + fraction) >>> 0)
/** Bits of finite float32, of any size, but mostly near 1. */
export const float = fc.oneof(
  near,
  near,
  finite,
  fc.constantFrom(0, 0x80000000, 1, 0x7f7fffff, 0xff7fffff, 0x3f800000),
)
