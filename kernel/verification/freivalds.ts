import { invariant } from '../errors.ts'
import { equalM61, M61, M61_LIMBS, type M61Element, powersM61, reduceM61 } from './m61.ts'

/**
 * Freivalds' check of an integer product C = A B at a secret point: with r = (1, s, s^2, ...), C r = A (B r) modulo
 * p = 2^61 - 1 costs one pass over each matrix instead of the product. Source: Freivalds, "Probabilistic machines can use
 * less running time", IFIP 1977; r as powers of one secret: Kimbrel and Sinha, Inf. Proc. Letters 45 (1993).
 *
 * A wrong row of C passes only when s is a root of a polynomial of degree below n: with probability at most (n - 1) / p,
 * for an s drawn after C is committed to. Elements that are wrong by a multiple of p would pass, so their range is
 * checked first, and 2 K amax bmax must be below p.
 */

/** Most bits of an element of A and B: int8. */
const OPERAND_MAX = 128

/** A part of a row-major int8 matrix: rows from `first`, `stride` elements apart. */
export interface Int8Block {
  readonly elements: Int8Array
  readonly first: number
  readonly stride: number
}

export interface ProductShape {
  readonly rows: number
  /** Terms of each element's sum. */
  readonly depth: number
  readonly columns: number
}

/** Probability that a wrong product of so many columns passes. */
export function freivaldsMiss(columns: number): number {
  return (columns - 1) / M61
}

/**
 * @param c row-major, exactly rows x columns
 * @param s the secret point
 * @returns the first row that is wrong, or undefined
 */
export function wrongRow(
  { rows, depth, columns }: ProductShape,
  a: Int8Block,
  b: Int8Block,
  c: Int32Array,
  s: M61Element,
): number | undefined {
  const bound = depth * OPERAND_MAX * OPERAND_MAX
  // The sums below stay exact: 2^7 2^21 2^25 and 2^16 2^21 2^16 are at most 2^53.
  invariant(
    2 * bound < 2 ** 61 && depth <= 2 ** 25 && columns <= 2 ** 16,
    'a product that the field can hold',
  )
  const r = powersM61(s, columns)
  const v = timesVector(depth, columns, b, r)
  for (let row = 0; row < rows; row++) {
    const right = rowTimes(a.elements, a.first + row * a.stride, depth, v)
    const claimed = claimedRow(c, row * columns, columns, bound, r)
    if (claimed === undefined || !equalM61(claimed, right)) return row
  }
  return undefined
}

/** B r, limb by limb as `powersM61` has it. */
function timesVector(depth: number, columns: number, b: Int8Block, r: Float64Array): Float64Array {
  const v = new Float64Array(M61_LIMBS * depth)
  for (let k = 0; k < depth; k++) {
    const element = rowTimes(b.elements, b.first + k * b.stride, columns, r)
    v[k] = element[0]
    v[depth + k] = element[1]
    v[2 * depth + k] = element[2]
  }
  return v
}

/** The sum of elements[from + j] r_j over j < count. */
function rowTimes(elements: Int8Array, from: number, count: number, r: Float64Array): M61Element {
  let [l0, l1, l2] = [0, 0, 0]
  for (let j = 0; j < count; j++) {
    const x = elements[from + j] as number
    l0 += x * (r[j] as number)
    l1 += x * (r[count + j] as number)
    l2 += x * (r[2 * count + j] as number)
  }
  return reduceSum(l0, l1, l2)
}

/** The sum of c[from + j] r_j, by halves of 16 bits; undefined when an element is out of range. */
function claimedRow(
  c: Int32Array,
  from: number,
  count: number,
  bound: number,
  r: Float64Array,
): M61Element | undefined {
  let [h0, h1, h2, l0, l1, l2] = [0, 0, 0, 0, 0, 0]
  for (let j = 0; j < count; j++) {
    const x = c[from + j] as number
    if (x > bound || x < -bound) return undefined
    const high = x >> 16
    const low = x & 0xffff
    const [r0, r1, r2] = [r[j] as number, r[count + j] as number, r[2 * count + j] as number]
    h0 += high * r0
    h1 += high * r1
    h2 += high * r2
    l0 += low * r0
    l1 += low * r1
    l2 += low * r2
  }
  const [u0, u1, u2] = reduceSum(h0, h1, h2)
  const [w0, w1, w2] = reduceSum(l0, l1, l2)
  return reduceM61(u0 * 2 ** 16 + w0, u1 * 2 ** 16 + w1, u2 * 2 ** 16 + w2)
}

/** Limbs up to 2^53 in magnitude: the carries of the first pass go up one by one, so that none is lost. */
function reduceSum(l0: number, l1: number, l2: number): M61Element {
  const carry0 = Math.floor(l0 / 2 ** 21)
  const carry1 = Math.floor(l1 / 2 ** 21)
  const carry2 = Math.floor(l2 / 2 ** 19)
  return reduceM61(
    l0 - carry0 * 2 ** 21 + carry2,
    l1 - carry1 * 2 ** 21 + carry0,
    l2 - carry2 * 2 ** 19 + carry1,
  )
}
