import type { InputRef, InputRefs } from '../../contract.ts'
import { inputRef, operandBytes, wordsOf } from '../operand.ts'
import type { MatmulArgs } from './args.ts'
import { quantise } from './quantise.ts'
import { batchOf, isFloat, type MatmulConstants } from './tiles.ts'

/**
 * The integers that are multiplied: rows of A and columns of B, line by line. Lines of float32 are rounded to integers that
 * share a power of two, whose exponent travels in the product, at two more places of the depth where all else is zero:
 *   A: row i has its exponent e_i at place depth; one more row has 1 at place depth + 1;
 *   B: column j has its exponent f_j at place depth + 1; one more column has 1 at place depth;
 * so that the additional column of C holds e, and its additional row f.
 */
export interface Lines {
  /** [lines, depth], elements of A's rows or B's columns. */
  readonly elements: Int8Array | Int32Array
  readonly lines: number
  readonly depth: number
  /** From one line to the next, and from one element of a line to the next. */
  readonly line_stride: number
  readonly depth_stride: number
}

/** The rows of A of each product of a batch. */
export function leftLines(
  args: MatmulArgs,
  c: MatmulConstants,
  refs: InputRefs,
  given: Uint8Array | undefined,
): readonly Lines[] {
  const transposed = args.transpose_a === true
  const { rows: lines, depth } = c.wide ?? c
  return linesOf('a', c, refs, given, {
    lines,
    depth,
    line_stride: transposed ? 1 : depth,
    depth_stride: transposed ? lines : 1,
  })
}

/** The columns of B of each product of a batch. */
export function rightLines(
  args: MatmulArgs,
  c: MatmulConstants,
  refs: InputRefs,
  given: Uint8Array | undefined,
): readonly Lines[] {
  const transposed = args.transpose_b === true
  const { columns: lines, depth } = c.wide ?? c
  return linesOf('b', c, refs, given, {
    lines,
    depth,
    line_stride: transposed ? depth : 1,
    depth_stride: transposed ? 1 : lines,
  })
}

type Shape = Omit<Lines, 'elements'>

/** Lines that are read together: where they are columns, their elements are neighbours. */
const GATHERED = 16

function linesOf(
  name: 'a' | 'b',
  c: MatmulConstants,
  refs: InputRefs,
  given: Uint8Array | undefined,
  shape: Shape,
): readonly Lines[] {
  const ref = inputRef(refs, name)
  const bytes = operandBytes(name, ref, given)
  const batch = batchOf(c)
  const size = bytes.length / batch
  return Array.from({ length: batch }, (_, i) =>
    linesOfMatrix(name, c, ref, bytes.subarray(i * size, (i + 1) * size), shape),
  )
}

function linesOfMatrix(
  name: 'a' | 'b',
  c: MatmulConstants,
  { dtype }: InputRef,
  bytes: Uint8Array,
  shape: Shape,
): Lines {
  if (dtype === 'int8')
    return { ...shape, elements: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length) }
  const words = wordsOf(dtype, bytes)
  const { wide } = c
  if (wide === undefined || !isFloat(wide))
    return { ...shape, elements: new Int32Array(words.buffer, words.byteOffset, words.length) }
  const { lines, depth, line_stride, depth_stride } = shape
  const elements = new Int32Array((lines + 1) * c.depth)
  const [own, other] = name === 'a' ? [depth, depth + 1] : [depth + 1, depth]
  const take = (line: number, bits: Uint32Array) => {
    const at = line * c.depth
    elements[at + own] = quantise(bits, wide.bits, elements.subarray(at, at + depth))
  }
  if (depth_stride === 1) {
    for (let line = 0, at = 0; line < lines; line++, at += line_stride)
      take(line, words.subarray(at, at + depth))
  } else {
    // A little apart, so that the lines do not compete for the same places of a cache.
    const apart = depth + GATHERED
    const gathered = new Uint32Array(GATHERED * apart)
    for (let first = 0; first < lines; first += GATHERED) {
      const count = Math.min(GATHERED, lines - first)
      for (let k = 0, from = first; k < depth; k++, from += depth_stride)
        for (let l = 0, to = k; l < count; l++, to += apart) gathered[to] = words[from + l] as number
      for (let l = 0; l < count; l++) take(first + l, gathered.subarray(l * apart, l * apart + depth))
    }
  }
  elements[lines * c.depth + other] = 1
  return { elements, lines: lines + 1, depth: c.depth, line_stride: c.depth, depth_stride: 1 }
}
