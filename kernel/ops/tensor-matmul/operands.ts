import type { InputRef, InputRefs } from '../../contract.ts'
import { float32Words, inputRef, integersOf, isInteger, operandBytes } from '../operand.ts'
import type { MatmulArgs } from './args.ts'
import { exponentFor, largestOf, raiseLargest, roundAcross, roundLine, scaleFor } from './quantise.ts'
import { batchOf, isFloat, type MatmulConstants } from './tiles.ts'

/**
 * The integers that are multiplied: rows of A and columns of B, line by line. Lines of float32 are rounded to integers that
 * share a power of two, whose exponent travels in the product, at two more places of the depth where all else is zero:
 *   A: row i has its exponent e_i at place depth; one more row has 1 at place depth + 1;
 *   B: column j has its exponent f_j at place depth + 1; one more column has 1 at place depth;
 * so that the additional column of C holds e, and its additional row f.
 */
export interface OperandRows {
  readonly lines: number
  readonly depth: number
  /** What a row of the operand as it is stored holds: all elements of a line, or one element of each line. */
  readonly row: 'line' | 'across'
  /** Writes a row's integers, as many as `to` has: `depth` elements of line `index`, or element `index` of all `lines`. */
  readonly read: (index: number, to: Int32Array) => void
}

/** The same in one array. */
export interface Lines {
  readonly elements: Int8Array | Int32Array
  readonly lines: number
  readonly depth: number
  /** From one line to the next, and from one element of a line to the next. */
  readonly line_stride: number
  readonly depth_stride: number
}

/** The rows of A of each product of a batch. */
export function leftRows(
  args: MatmulArgs,
  c: MatmulConstants,
  refs: InputRefs,
  given: Uint8Array | undefined,
): readonly OperandRows[] {
  return matricesOf('a', c, refs, given).map((bytes) =>
    rowsOf('a', c, refs, bytes, args.transpose_a === true ? 'across' : 'line'),
  )
}

/** The columns of B of each product of a batch. */
export function rightRows(
  args: MatmulArgs,
  c: MatmulConstants,
  refs: InputRefs,
  given: Uint8Array | undefined,
): readonly OperandRows[] {
  return matricesOf('b', c, refs, given).map((bytes) =>
    rowsOf('b', c, refs, bytes, args.transpose_b === true ? 'line' : 'across'),
  )
}

/** The rows of A of each product of a batch, in an array: of int8 where they lie. */
export function leftLines(
  args: MatmulArgs,
  c: MatmulConstants,
  refs: InputRefs,
  given: Uint8Array | undefined,
): readonly Lines[] {
  const row = args.transpose_a === true ? 'across' : 'line'
  if (inputRef(refs, 'a').dtype !== 'int8') return leftRows(args, c, refs, given).map(gathered)
  const shape = { lines: c.rows, depth: c.depth, row } as const
  return matricesOf('a', c, refs, given).map((bytes) => inPlace(bytes, shape))
}

/** The columns of B likewise. */
export function rightLines(
  args: MatmulArgs,
  c: MatmulConstants,
  refs: InputRefs,
  given: Uint8Array | undefined,
): readonly Lines[] {
  const row = args.transpose_b === true ? 'line' : 'across'
  if (inputRef(refs, 'b').dtype !== 'int8') return rightRows(args, c, refs, given).map(gathered)
  const shape = { lines: c.columns, depth: c.depth, row } as const
  return matricesOf('b', c, refs, given).map((bytes) => inPlace(bytes, shape))
}

function matricesOf(
  name: 'a' | 'b',
  c: MatmulConstants,
  refs: InputRefs,
  given: Uint8Array | undefined,
): readonly Uint8Array[] {
  const bytes = operandBytes(name, inputRef(refs, name), given)
  const batch = batchOf(c)
  const size = bytes.length / batch
  return Array.from({ length: batch }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
}

type Shape = Pick<OperandRows, 'lines' | 'depth' | 'row'>

function strides({ lines, depth, row }: Shape): Pick<Lines, 'line_stride' | 'depth_stride'> {
  return row === 'line' ? { line_stride: depth, depth_stride: 1 } : { line_stride: 1, depth_stride: lines }
}

function inPlace(bytes: Uint8Array, shape: Shape): Lines {
  const { lines, depth } = shape
  return {
    elements: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length),
    lines,
    depth,
    ...strides(shape),
  }
}

function gathered(rows: OperandRows): Lines {
  const { lines, depth, row } = rows
  const elements = new Int32Array(lines * depth)
  const [count, length] = row === 'line' ? [lines, depth] : [depth, lines]
  for (let i = 0; i < count; i++) rows.read(i, elements.subarray(i * length, (i + 1) * length))
  return { elements, lines, depth, ...strides(rows) }
}

function rowsOf(
  name: 'a' | 'b',
  c: MatmulConstants,
  refs: InputRefs,
  bytes: Uint8Array,
  row: OperandRows['row'],
): OperandRows {
  const { dtype }: InputRef = inputRef(refs, name)
  const { rows, depth, columns } = c.wide ?? c
  const shape: Shape = { lines: name === 'a' ? rows : columns, depth, row }
  if (c.wide !== undefined && isFloat(c.wide)) {
    const words = float32Words(bytes)
    const [own, other] = name === 'a' ? [depth, depth + 1] : [depth + 1, depth]
    return row === 'line'
      ? roundedLines(words, c.wide.bits, shape, own, other)
      : roundedAcross(words, c.wide.bits, shape, own, other)
  }
  if (!isInteger(dtype)) throw new RangeError('elements of a product of integers')
  const elements = integersOf(dtype, bytes)
  return {
    ...shape,
    read: (index, to) => to.set(elements.subarray(index * to.length, (index + 1) * to.length)),
  }
}

/** Float32 whose rows are lines. */
function roundedLines(
  words: Int32Array,
  bits: 16 | 24,
  { lines, depth, row }: Shape,
  own: number,
  other: number,
): OperandRows {
  const floats = floatsOf(words)
  return {
    lines: lines + 1,
    depth: depth + 2,
    row,
    read(line, to) {
      if (line === lines) {
        to.fill(0)
        to[other] = 1
        return
      }
      const from = line * depth
      const exponent = exponentFor(largestOf(words, from, depth), bits)
      roundLine(floats, from, depth, scaleFor(exponent), to)
      to[own] = exponent
      to[other] = 0
    },
  }
}

/** Float32 whose rows hold one element of each line. */
function roundedAcross(
  words: Int32Array,
  bits: 16 | 24,
  { lines, depth, row }: Shape,
  own: number,
  other: number,
): OperandRows {
  const floats = floatsOf(words)
  const largest = new Int32Array(lines)
  for (let k = 0; k < depth; k++) raiseLargest(words, k * lines, largest)
  const exponents = largest.map((size) => exponentFor(size, bits))
  const scales = Float64Array.from(exponents, scaleFor)
  return {
    lines: lines + 1,
    depth: depth + 2,
    row,
    read(place, to) {
      if (place < depth) roundAcross(floats, place * lines, scales, to)
      else if (place === own) to.set(exponents)
      else to.fill(0)
      to[lines] = place === other ? 1 : 0
    },
  }
}

function floatsOf(words: Int32Array): Float32Array {
  return new Float32Array(words.buffer, words.byteOffset, words.length)
}
