import { invariant } from '../errors.ts'

/**
 * The field of integers modulo the Mersenne prime p = 2^61 - 1, in three limbs of 21, 21 and 19 bits held by doubles: sums
 * and products of limbs are exact integers below 2^53, some fifty times faster than BigInt.
 */

export const M61_LIMBS = 3
/** 2^61 - 1 as the nearest double, for probabilities only. */
export const M61 = 2 ** 61

const BITS = 2 ** 21
const TOP = 2 ** 19

/** l0 + l1 2^21 + l2 2^42 with 0 <= l0, l1 < 2^21 and 0 <= l2 < 2^19. */
export type M61Element = readonly [number, number, number]

/**
 * The element of limbs that are any integers below 2^52 in magnitude. 2^61 = 1: what stands above bit 61 is added below.
 */
export function reduceM61(l0: number, l1: number, l2: number): M61Element {
  let [a, b, c] = [l0, l1, l2]
  // The first pass leaves less than 2^34 above, the second at most one bit (or one borrow), the third none.
  for (let pass = 0; pass < 3; pass++) {
    const carry0 = Math.floor(a / BITS)
    a -= carry0 * BITS
    b += carry0
    const carry1 = Math.floor(b / BITS)
    b -= carry1 * BITS
    c += carry1
    const carry2 = Math.floor(c / TOP)
    c -= carry2 * TOP
    a += carry2
  }
  return a === BITS - 1 && b === BITS - 1 && c === TOP - 1 ? [0, 0, 0] : [a, b, c]
}

/** a b: limb products below 2^42, at most three of them summed; limbs 3 and 4 stand for 2^63 = 4 and 4 2^21. */
export function multiplyM61(a: M61Element, b: M61Element): M61Element {
  const [a0, a1, a2] = a
  const [b0, b1, b2] = b
  return reduceM61(
    a0 * b0 + 4 * (a1 * b2 + a2 * b1),
    a0 * b1 + a1 * b0 + 4 * a2 * b2,
    a0 * b2 + a1 * b1 + a2 * b0,
  )
}

export function equalM61(a: M61Element, b: M61Element): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2]
}

/** The field element of eight random bytes: each of p values with probability (8 or 9) / 2^64. */
export function randomM61(bytes: Uint8Array): M61Element {
  invariant(bytes.length === 8, 'eight bytes')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const [low, high] = [view.getUint32(0, true), view.getUint32(4, true)]
  return reduceM61(
    low % BITS,
    Math.floor(low / BITS) + (high % 2 ** 10) * 2 ** 11,
    Math.floor(high / 2 ** 10),
  )
}

/** 1, s, s^2, ...: count elements, limb by limb: element i has its limb l at l count + i. */
export function powersM61(s: M61Element, count: number): Float64Array {
  const powers = new Float64Array(M61_LIMBS * count)
  let power: M61Element = [1, 0, 0]
  for (let i = 0; i < count; i++) {
    powers[i] = power[0]
    powers[count + i] = power[1]
    powers[2 * count + i] = power[2]
    power = multiplyM61(power, s)
  }
  return powers
}
