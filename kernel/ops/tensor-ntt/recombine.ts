import { mulHi } from '../../numerics/u32.ts'
import { addMod, FIELDS, inverseMod, mulMod, subMod, zeta } from './field.ts'
import type { NttConstants } from './plan.ts'

/** Words of one coefficient: 96 bits, two's complement where an operand is signed. */
export const COEFFICIENT_WORDS = 3

const [P0, P1, P2] = [FIELDS[0].p, FIELDS[1].p, FIELDS[2].p]
const P0_BY_P1 = inverseMod(P0 % P1, P1)
const P0_BY_P2 = inverseMod(P0 % P2, P2)
const P1_BY_P2 = inverseMod(P1 % P2, P2)
/** P0 P1 and the product of all three, in words. */
const P01 = words(BigInt(P0) * BigInt(P1))
const ALL = words(BigInt(P0) * BigInt(P1) * BigInt(P2))
const HALF = words((BigInt(P0) * BigInt(P1) * BigInt(P2)) >> 1n)

function words(value: bigint): readonly [number, number, number] {
  return [Number(value & 0xffffffffn), Number((value >> 32n) & 0xffffffffn), Number(value >> 64n)]
}

/**
 * From the residues modulo the S factors x^M - zeta(s), one after another, to those modulo x^N - 1, in place: log2 S
 * levels of butterflies upwards.
 */
export function joinFactors(residues: Uint32Array, c: NttConstants, prime: 0 | 1 | 2): void {
  const field = FIELDS[prime]
  const { p } = field
  for (let level = c.log2_parts - 1; level >= 0; level--) {
    const span = 2 ** (c.log2_length - level - 1)
    for (let node = 0; node < 2 ** level; node++) {
      const root = inverseMod(zeta(field, 2 * node), p)
      const start = 2 * span * node
      for (let low = start; low < start + span; low++) {
        const x = residues[low] as number
        const y = residues[low + span] as number
        residues[low] = addMod(x, y, p)
        residues[low + span] = mulMod(subMod(x, y, p), root, p)
      }
    }
  }
  if (c.log2_parts === 0) return
  const scale = inverseMod(2 ** c.log2_parts, p)
  for (let i = 0; i < residues.length; i++) residues[i] = mulMod(residues[i] as number, scale, p)
}

/**
 * The coefficients from their residues modulo the three primes (Garner): x0 + P0 (x1 + P1 x2), minus P0 P1 P2 where the
 * operands are signed and it is above the half. |c| <= 2^64 N <= 2^86 without signs, at most 2^85 with them: unique.
 */
export function coefficients(
  residues: readonly [Uint32Array, Uint32Array, Uint32Array],
  length: number,
  signed: boolean,
): Uint32Array {
  const out = new Uint32Array(COEFFICIENT_WORDS * length)
  for (let i = 0; i < length; i++) {
    const x0 = residues[0][i] as number
    const x1 = mulMod(subMod(residues[1][i] as number, x0 % P1, P1), P0_BY_P1, P1)
    const rest = mulMod(subMod(residues[2][i] as number, x0 % P2, P2), P0_BY_P2, P2)
    const x2 = mulMod(subMod(rest, x1 % P2, P2), P1_BY_P2, P2)
    // x0 + P0 x1 + P01 x2 by words; each sum has at most four words and is exact.
    const sum0 = x0 + (Math.imul(P0, x1) >>> 0) + (Math.imul(P01[0], x2) >>> 0)
    const w0 = sum0 >>> 0
    const sum1 = (sum0 - w0) / 0x100000000 + mulHi(P0, x1) + mulHi(P01[0], x2) + (Math.imul(P01[1], x2) >>> 0)
    const w1 = sum1 >>> 0
    const w2 = (sum1 - w1) / 0x100000000 + mulHi(P01[1], x2)
    const at = COEFFICIENT_WORDS * i
    if (signed && above(w2, w1, w0)) {
      const d0 = w0 - ALL[0]
      const d1 = w1 - ALL[1] - (d0 < 0 ? 1 : 0)
      out[at] = d0
      out[at + 1] = d1
      out[at + 2] = w2 - ALL[2] - (d1 < 0 ? 1 : 0)
    } else {
      out[at] = w0
      out[at + 1] = w1
      out[at + 2] = w2
    }
  }
  return out
}

/** Whether the number of three words is above (P0 P1 P2 - 1) / 2. */
function above(w2: number, w1: number, w0: number): boolean {
  if (w2 !== HALF[2]) return w2 > HALF[2]
  return w1 !== HALF[1] ? w1 > HALF[1] : w0 > HALF[0]
}

/** The digits of sum c[i] 2^(32 i), one more than there are coefficients; none is negative. */
export function carried(coefficientWords: Uint32Array): Uint32Array {
  const length = coefficientWords.length / COEFFICIENT_WORDS
  const digits = new Uint32Array(length + 1)
  // The carry stays below 2^55: c < 2^86.
  let low = 0
  let high = 0
  for (let i = 0; i < length; i++) {
    const at = COEFFICIENT_WORDS * i
    const sum0 = low + (coefficientWords[at] as number)
    digits[i] = sum0
    const sum1 = high + (coefficientWords[at + 1] as number) + (sum0 > 0xffffffff ? 1 : 0)
    low = sum1 >>> 0
    high = (coefficientWords[at + 2] as number) + (sum1 - low) / 0x100000000
  }
  digits[length] = low
  return digits
}
