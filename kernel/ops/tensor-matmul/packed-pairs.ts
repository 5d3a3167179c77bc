import type { OperandRows } from './operands.ts'
import { type Runs, STEP_PAIRS } from './tiles.ts'

/** Where the words of one matrix lie. */
interface Layout {
  /** Lines side by side in a group. */
  readonly width: number
  readonly runs: Runs
  /** Words of a group, and of a digit of all groups. */
  readonly group_words: number
  readonly digit_words: number
  /** Of an element of two digits: digit 0 is what so many bits say with a sign, digit 1 the rest. Of one digit: 0. */
  readonly digit_bits: number
}

/**
 * Lines in groups of `width`: for each product, digit, group and pair along the depth `width` words, the first of the pair
 * in the low half. Each run begins a step. What lies beyond the lines, the depth and the runs is zero.
 */
export function packPairs(
  products: readonly OperandRows[],
  width: number,
  runs: Runs,
  digits: number,
  digitBits: number,
): Uint32Array {
  const group_words = runs.runs * runs.run_steps * STEP_PAIRS * width
  const digit_words = Math.ceil((products[0]?.lines ?? 0) / width) * group_words
  const layout = { width, runs, group_words, digit_words, digit_bits: digits === 2 ? digitBits : 0 }
  const packed = new Int32Array(products.length * digits * digit_words)
  for (const [i, rows] of products.entries()) {
    const out = packed.subarray(i * digits * digit_words, (i + 1) * digits * digit_words)
    if (rows.row === 'line') packLines(out, rows, layout)
    else packAcross(out, rows, layout)
  }
  return new Uint32Array(packed.buffer)
}

/** Rows that are lines: each goes into one place of a group, at every `width` words. */
function packLines(out: Int32Array, { lines, depth, read }: OperandRows, layout: Layout): void {
  const { width, runs, group_words, digit_words, digit_bits } = layout
  // A zero follows an odd depth.
  const elements = new Int32Array(depth + 1)
  const line = elements.subarray(0, depth)
  for (let i = 0; i < lines; i++) {
    read(i, line)
    const place = Math.floor(i / width) * group_words + (i % width)
    for (let run = 0; run < runs.runs; run++) {
      const k = 2 * run * runs.run_pairs
      const pairs = Math.min(runs.run_pairs, (depth + 1 - k) >> 1)
      const to = place + run * runs.run_steps * STEP_PAIRS * width
      if (digit_bits === 0) packLine(out, to, width, elements, k, pairs)
      else packLineDigits(out, to, width, elements, k, pairs, digit_words, digit_bits)
    }
  }
}

function packLine(
  out: Int32Array,
  at: number,
  width: number,
  elements: Int32Array,
  from: number,
  pairs: number,
): void {
  for (let to = at, k = from, end = from + 2 * pairs; k < end; k += 2, to += width)
    out[to] = ((elements[k] as number) & 0xffff) | ((elements[k + 1] as number) << 16)
}

function packLineDigits(
  out: Int32Array,
  at: number,
  width: number,
  elements: Int32Array,
  from: number,
  pairs: number,
  digitWords: number,
  digitBits: number,
): void {
  const up = 32 - digitBits
  const half = 1 << (digitBits - 1)
  for (let to = at, k = from, end = from + 2 * pairs; k < end; k += 2, to += width) {
    const x = elements[k] as number
    const y = elements[k + 1] as number
    out[to] = (((x << up) >> up) & 0xffff) | (((y << up) >> up) << 16)
    out[to + digitWords] = (((x + half) >> digitBits) & 0xffff) | (((y + half) >> digitBits) << 16)
  }
}

/** Rows that hold one element of each line: two of them are the pairs of all groups at one place of the depth. */
function packAcross(out: Int32Array, { lines, depth, read }: OperandRows, layout: Layout): void {
  const { width, runs, group_words, digit_words, digit_bits } = layout
  const low = new Int32Array(lines)
  const high = new Int32Array(lines)
  for (let k = 0; k < depth; k += 2) {
    read(k, low)
    if (k + 1 < depth) read(k + 1, high)
    else high.fill(0)
    const run = Math.floor(k / (2 * runs.run_pairs))
    const to = (run * runs.run_steps * STEP_PAIRS + k / 2 - run * runs.run_pairs) * width
    if (digit_bits === 0) packRows(out, to, width, group_words, low, high)
    else packRowsDigits(out, to, width, group_words, low, high, digit_words, digit_bits)
  }
}

function packRows(
  out: Int32Array,
  at: number,
  width: number,
  groupWords: number,
  low: Int32Array,
  high: Int32Array,
): void {
  const { length } = low
  for (let first = 0, group = at; first < length; first += width, group += groupWords) {
    const end = Math.min(first + width, length)
    for (let i = first, to = group; i < end; i++, to++)
      out[to] = ((low[i] as number) & 0xffff) | ((high[i] as number) << 16)
  }
}

function packRowsDigits(
  out: Int32Array,
  at: number,
  width: number,
  groupWords: number,
  low: Int32Array,
  high: Int32Array,
  digitWords: number,
  digitBits: number,
): void {
  const { length } = low
  const up = 32 - digitBits
  const half = 1 << (digitBits - 1)
  for (let first = 0, group = at; first < length; first += width, group += groupWords) {
    const end = Math.min(first + width, length)
    for (let i = first, to = group; i < end; i++, to++) {
      const x = low[i] as number
      const y = high[i] as number
      out[to] = (((x << up) >> up) & 0xffff) | (((y << up) >> up) << 16)
      out[to + digitWords] = (((x + half) >> digitBits) & 0xffff) | (((y + half) >> digitBits) << 16)
    }
  }
}
