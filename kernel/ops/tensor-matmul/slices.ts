import type { InputRef, InputRefs } from '../../contract.ts'
import type { InputBytes } from '../op.ts'
import { inputRef, operandBytes, wordsOf } from '../operand.ts'
import type { MatmulArgs } from './args.ts'
import { quantise } from './quantise.ts'
import { batchOf, isFloat, type MatmulConstants, type Slicing, slicing } from './tiles.ts'

/**
 * Operands of more than eight bits as int8 matrices of which one int8 product contains all that is asked for. An integer m
 * of D digits is the sum of 2^(8 d) (digit d) + OFFSET, its lower digits less 128, so that each fits int8. With
 * a = a' + o and b = b' + o,
 *   sum of a b = sum of a' b' + o (sum of a' + sum of b') + o^2 depth:
 * D x D blocks of digit products, and the sums from a row and a column of ones. The powers of two that float32 rows and
 * columns were divided by travel the same way, at two more places of the depth where all else is zero.
 *
 * Rows of A: digit d of row i at d rows + i; ones at D rows; the selector of column exponents after them.
 * Columns of B: digit d of column j at d columns + j; ones at D columns; the selector of row exponents after them.
 */

/** Digits of m, the lowest first, to `at` and on; all but the highest less 128. */
function setDigits(out: Int8Array, at: number, stride: number, digits: number, m: number): void {
  for (let d = 0; d < digits; d++) out[at + d * stride] = (m >> (8 * d)) - (d < digits - 1 ? 128 : 0)
}

/** Element (line, k) of an operand whose lines are the rows of A or the columns of B. */
interface Lines {
  readonly lines: number
  readonly depth: number
  at(line: number, k: number): number
}

/** The integers of an operand's lines, line by line, and of floats the exponent of each line. */
interface Integers {
  readonly m: Int32Array
  readonly exponents: Int8Array
}

function integersOf(
  ref: InputRef,
  bytes: Uint8Array,
  args: MatmulArgs,
  { lines, depth, at }: Lines,
): Integers {
  const words = wordsOf(ref.dtype, bytes)
  const m = new Int32Array(lines * depth)
  const exponents = new Int8Array(lines)
  if (ref.dtype !== 'float32') {
    for (let line = 0, to = 0; line < lines; line++)
      for (let k = 0; k < depth; k++) m[to++] = words[at(line, k)] as number
    return { m, exponents }
  }
  const bitsOfLine = new Uint32Array(depth)
  for (let line = 0; line < lines; line++) {
    for (let k = 0; k < depth; k++) bitsOfLine[k] = words[at(line, k)] as number
    exponents[line] = quantise(bitsOfLine, args.bits ?? 16, m.subarray(line * depth, (line + 1) * depth))
  }
  return { m, exponents }
}

export interface Int8Operands {
  /** Of each product [constants.rows, constants.depth] and [constants.depth, constants.columns], row-major. */
  readonly a: Int8Array
  readonly b: Int8Array
}

/** A as the int8 product takes it; the matrices of a batch one after another. */
export function leftOperand(
  args: MatmulArgs,
  c: MatmulConstants,
  refs: InputRefs,
  given: Uint8Array | undefined,
): Int8Array {
  const transposed = args.transpose_a === true
  return operandOf('a', c, refs, given, (bytes, ref) => {
    const s = slicing(c)
    if (s === undefined) return transposed ? transpose(bytes, c.depth, c.rows) : undefined
    return slicedRows(
      c,
      s,
      integersOf(ref, bytes, args, {
        lines: s.rows,
        depth: s.depth,
        at: (row, k) => (transposed ? k * s.rows + row : row * s.depth + k),
      }),
    )
  })
}

/** B as the int8 product takes it; the matrices of a batch one after another. */
export function rightOperand(
  args: MatmulArgs,
  c: MatmulConstants,
  refs: InputRefs,
  given: Uint8Array | undefined,
): Int8Array {
  const transposed = args.transpose_b === true
  return operandOf('b', c, refs, given, (bytes, ref) => {
    const s = slicing(c)
    if (s === undefined) return transposed ? transpose(bytes, c.columns, c.depth) : undefined
    return slicedColumns(
      c,
      s,
      integersOf(ref, bytes, args, {
        lines: s.columns,
        depth: s.depth,
        at: (column, k) => (transposed ? column * s.depth + k : k * s.columns + column),
      }),
    )
  })
}

/** @param convert one matrix of a batch; undefined where it is to be taken as it is */
function operandOf(
  name: 'a' | 'b',
  c: MatmulConstants,
  refs: InputRefs,
  given: Uint8Array | undefined,
  convert: (bytes: Uint8Array, ref: InputRef) => Int8Array | undefined,
): Int8Array {
  const ref = inputRef(refs, name)
  const bytes = operandBytes(name, ref, given)
  const batch = batchOf(c)
  const size = bytes.length / batch
  const whole = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  let out: Int8Array | undefined
  for (let i = 0; i < batch; i++) {
    const converted = convert(bytes.subarray(i * size, (i + 1) * size), ref)
    if (converted === undefined) return whole
    if (batch === 1) return converted
    out ??= new Int8Array(batch * converted.length)
    out.set(converted, i * converted.length)
  }
  return out ?? whole
}

function slicedRows(c: MatmulConstants, s: Slicing, { m, exponents }: Integers): Int8Array {
  const out = new Int8Array(c.rows * c.depth)
  for (let row = 0, from = 0; row < s.rows; row++) {
    for (let k = 0; k < s.depth; k++)
      setDigits(out, row * c.depth + k, s.rows * c.depth, s.digits, m[from++] as number)
  }
  const ones = s.digits * s.rows * c.depth
  out.fill(1, ones, ones + s.depth)
  if (isFloat(s)) {
    const top = (s.digits - 1) * s.rows
    for (let row = 0; row < s.rows; row++) out[(top + row) * c.depth + s.depth] = exponents[row] as number
    out[(s.digits * s.rows + 1) * c.depth + s.depth + 1] = 1
  }
  return out
}

function slicedColumns(c: MatmulConstants, s: Slicing, { m, exponents }: Integers): Int8Array {
  const out = new Int8Array(c.depth * c.columns)
  for (let column = 0, from = 0; column < s.columns; column++) {
    for (let k = 0; k < s.depth; k++)
      setDigits(out, k * c.columns + column, s.columns, s.digits, m[from++] as number)
  }
  const ones = s.digits * s.columns
  for (let k = 0; k < s.depth; k++) out[k * c.columns + ones] = 1
  if (isFloat(s)) {
    out[s.depth * c.columns + ones + 1] = 1
    const top = (s.depth + 1) * c.columns + (s.digits - 1) * s.columns
    for (let column = 0; column < s.columns; column++) out[top + column] = exponents[column] as number
  }
  return out
}

function transpose(bytes: Uint8Array, rows: number, columns: number): Int8Array {
  const out = new Int8Array(bytes.length)
  for (let row = 0, from = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = bytes[from++] as number
  return out
}

/** Operands that were converted, by the bytes they came from: a host computes many shards of the same job. */
const converted = new WeakMap<
  InputBytes,
  { readonly args: MatmulArgs; readonly constants: MatmulConstants; readonly operands: Int8Operands }
>()

export function int8Operands(
  args: MatmulArgs,
  constants: MatmulConstants,
  refs: InputRefs,
  inputs: InputBytes,
): Int8Operands {
  const known = converted.get(inputs)
  if (known?.args === args && known.constants === constants) return known.operands
  const operands = {
    a: leftOperand(args, constants, refs, inputs.get('a')),
    b: rightOperand(args, constants, refs, inputs.get('b')),
  }
  converted.set(inputs, { args, constants, operands })
  return operands
}
