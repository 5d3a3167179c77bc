import { invariant } from '../errors.ts'
import { equalM61, M61, M61_LIMBS, type M61Element, multiplyM61, powersM61, reduceM61 } from './m61.ts'

/**
 * Freivalds' check of an integer product C = A B at a secret point: with r = (1, s, s^2, ...), C r = A (B r) modulo
 * p = 2^61 - 1 costs one pass over each matrix instead of the product. Source: Freivalds, "Probabilistic machines can use
 * less running time", IFIP 1977; r as powers of one secret: Kimbrel and Sinha, Inf. Proc. Letters 45 (1993).
 *
 * A wrong row of C passes only when s is a root of a polynomial of degree below n: with probability at most (n - 1) / p,
 * for an s drawn after C is committed to. Elements that are wrong by a multiple of p would pass, so their range is
 * checked first, and 2 K amax bmax must be below p.
 */

/** A part of a matrix as lines: rows of A, or columns of B. */
export interface Lines {
  readonly elements: Int8Array | Int32Array
  readonly first: number
  /** From one line to the next, and from one element of a line to the next. */
  readonly line_stride: number
  readonly depth_stride: number
}

export interface ProductShape {
  readonly rows: number
  /** Terms of each element's sum. */
  readonly depth: number
  readonly columns: number
  /** |element of A or B| <= 2^operand_bits, at most 23. */
  readonly operand_bits: number
}

/** Whether every right element, and the difference of two, is below p. */
export function fitsField({ depth, operand_bits }: Pick<ProductShape, 'depth' | 'operand_bits'>): boolean {
  return depth * 2 ** (2 * operand_bits + 1) < M61 && operand_bits <= 23
}

/** Probability that a wrong product of so many columns passes. */
export function freivaldsMiss(columns: number): number {
  return (columns - 1) / M61
}

/**
 * @param c row-major, little-endian, exactly rows x columns elements of 4 or 8 bytes, signed
 * @param s the secret point
 * @returns the first row that is wrong, or undefined
 */
export function wrongRow(
  shape: ProductShape,
  a: Lines,
  b: Lines,
  c: Uint8Array,
  s: M61Element,
): number | undefined {
  const { rows, depth, columns, operand_bits } = shape
  const bytes = c.length / (rows * columns)
  invariant(
    fitsField(shape) && columns <= 2 ** 16 && (bytes === 4 || bytes === 8),
    'a product that the field holds',
  )
  const bound = depth * 2 ** (2 * operand_bits)
  // |element limb| <= 2^(operand_bits + 21): so many of them stay below 2^52.
  const run = 2 ** (31 - operand_bits)
  const r = powersM61(s, columns)
  const v = new Float64Array(M61_LIMBS * depth)
  for (let k = 0; k < depth; k++) {
    const element = lineTimes(b.elements, b.first + k * b.depth_stride, b.line_stride, columns, r, run)
    for (let limb = 0; limb < M61_LIMBS; limb++) v[limb * depth + k] = element[limb] as number
  }
  const view = new DataView(c.buffer, c.byteOffset, c.length)
  for (let row = 0; row < rows; row++) {
    const right = lineTimes(a.elements, a.first + row * a.line_stride, a.depth_stride, depth, v, run)
    const claimed = claimedRow(view, row * columns * bytes, bytes, columns, bound, r)
    if (claimed === undefined || !equalM61(claimed, right)) return row
  }
  return undefined
}

/** The sum of elements[from + j step] r_j over j < count. @param run terms between two reductions */
function lineTimes(
  elements: Int8Array | Int32Array,
  from: number,
  step: number,
  count: number,
  r: Float64Array,
  run: number,
): M61Element {
  let [l0, l1, l2] = [0, 0, 0]
  for (let start = 0; start < count; start += run) {
    const end = start + run < count ? start + run : count
    for (let j = start, at = from + start * step; j < end; j++, at += step) {
      const x = elements[at] as number
      l0 += x * (r[j] as number)
      l1 += x * (r[count + j] as number)
      l2 += x * (r[2 * count + j] as number)
    }
    ;[l0, l1, l2] = reduceSum(l0, l1, l2)
  }
  return [l0, l1, l2]
}

/** 2^16, 2^32 and 2^48. */
const HALVES: readonly M61Element[] = [
  [2 ** 16, 0, 0],
  [0, 2 ** 11, 0],
  [0, 0, 2 ** 6],
]

/** The sum of c_j r_j, by halves of 16 bits, the highest signed; undefined when an element is out of range. */
function claimedRow(
  view: DataView,
  from: number,
  bytes: number,
  count: number,
  bound: number,
  r: Float64Array,
): M61Element | undefined {
  for (let j = 0; j < count; j++) {
    const at = from + j * bytes
    const value =
      bytes === 4 ? view.getInt32(at, true) : view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true)
    if (value > bound || value < -bound) return undefined
  }
  let sum: M61Element = [0, 0, 0]
  for (let half = 0; 2 * half < bytes; half++) {
    const isSigned = 2 * half + 2 === bytes
    let [l0, l1, l2] = [0, 0, 0]
    for (let j = 0; j < count; j++) {
      const at = from + j * bytes + 2 * half
      const x = isSigned ? view.getInt16(at, true) : view.getUint16(at, true)
      l0 += x * (r[j] as number)
      l1 += x * (r[count + j] as number)
      l2 += x * (r[2 * count + j] as number)
    }
    const part = reduceSum(l0, l1, l2)
    const place = half === 0 ? undefined : HALVES[half - 1]
    const [p0, p1, p2] = place === undefined ? part : multiplyM61(part, place)
    sum = reduceM61(sum[0] + p0, sum[1] + p1, sum[2] + p2)
  }
  return sum
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
