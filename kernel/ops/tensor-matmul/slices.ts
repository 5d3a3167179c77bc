import type { InputRef, InputRefs } from '../../contract.ts'
import type { InputBytes } from '../op.ts'
import { inputRef, operandBytes, operandWords } from '../operand.ts'
import type { MatmulArgs } from './args.ts'
import { quantise } from './quantise.ts'
import { isFloat, type MatmulConstants, slicing } from './tiles.ts'

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

/** The integers of an operand's lines and, of floats, the exponent of each line. */
function integersOf(
  ref: InputRef,
  words: Uint32Array,
  { lines, depth, at }: Lines,
  bits: 16 | 24,
): { readonly m: Int32Array; readonly exponents: Int8Array } {
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
    exponents[line] = quantise(bitsOfLine, bits, m.subarray(line * depth, (line + 1) * depth))
  }
  return { m, exponents }
}

export interface Int8Operands {
  /** [constants.rows, constants.depth] and [constants.depth, constants.columns], row-major. */
  readonly a: Int8Array
  readonly b: Int8Array
}

/** A as the int8 product takes it. */
export function leftOperand(
  args: MatmulArgs,
  c: MatmulConstants,
  refs: InputRefs,
  given: Uint8Array | undefined,
): Int8Array {
  const ref = inputRef(refs, 'a')
  const bytes = operandBytes('a', ref, given)
  const s = slicing(c)
  const transposed = args.transpose_a === true
  if (s === undefined) return transposed ? transpose(bytes, c.depth, c.rows) : asInt8(bytes)
  const lines: Lines = {
    lines: s.rows,
    depth: s.depth,
    at: (row, k) => (transposed ? k * s.rows + row : row * s.depth + k),
  }
  const { m, exponents } = integersOf(ref, operandWords('a', ref, bytes), lines, args.bits ?? 16)
  const out = new Int8Array(c.rows * c.depth)
  for (let row = 0, from = 0; row < s.rows; row++) {
    for (let k = 0; k < s.depth; k++)
      setDigits(out, row * c.depth + k, s.rows * c.depth, s.digits, m[from++] as number)
  }
  out.fill(1, s.digits * s.rows * c.depth, s.digits * s.rows * c.depth + s.depth)
  if (isFloat(s)) {
    const top = (s.digits - 1) * s.rows
    for (let row = 0; row < s.rows; row++) out[(top + row) * c.depth + s.depth] = exponents[row] as number
    out[(s.digits * s.rows + 1) * c.depth + s.depth + 1] = 1
  }
  return out
}

/** B as the int8 product takes it. */
export function rightOperand(
  args: MatmulArgs,
  c: MatmulConstants,
  refs: InputRefs,
  given: Uint8Array | undefined,
): Int8Array {
  const ref = inputRef(refs, 'b')
  const bytes = operandBytes('b', ref, given)
  const s = slicing(c)
  const transposed = args.transpose_b === true
  if (s === undefined) return transposed ? transpose(bytes, c.columns, c.depth) : asInt8(bytes)
  const lines: Lines = {
    lines: s.columns,
    depth: s.depth,
    at: (column, k) => (transposed ? column * s.depth + k : k * s.columns + column),
  }
  const { m, exponents } = integersOf(ref, operandWords('b', ref, bytes), lines, args.bits ?? 16)
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

function asInt8(bytes: Uint8Array): Int8Array {
  return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

function transpose(bytes: Uint8Array, rows: number, columns: number): Int8Array {
  const out = new Int8Array(bytes.length)
  for (let row = 0, from = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = bytes[from++] as number
  return out
}

/** The operands of a job that were sliced last: a host computes many shards of the same ones. */
const sliced = new WeakMap<InputBytes, Int8Operands>()

export function int8Operands(
  args: MatmulArgs,
  c: MatmulConstants,
  refs: InputRefs,
  inputs: InputBytes,
): Int8Operands {
  const known = sliced.get(inputs)
  if (known !== undefined) return known
  const operands = {
    a: leftOperand(args, c, refs, inputs.get('a')),
    b: rightOperand(args, c, refs, inputs.get('b')),
  }
  if (slicing(c) !== undefined || args.transpose_a === true || args.transpose_b === true)
    sliced.set(inputs, operands)
  return operands
}
