import type { Dtype, InputRef } from '../../contract.ts'
import type { BootstrapArgs } from './args.ts'

/** Values are integers below 2^24: their place between the column's least and largest. */
const LEVELS = 2 ** 24 - 1
/** For correlations of more than CHUNK_ROWS rows: sums of products stay below 2^63. */
const COARSE_LEVELS = 2 ** 21 - 1
/** Draws that one invocation makes: the four passes of a quantile stay within the loops that it may run. */
export const CHUNK_ROWS = 32_000
export const HEADER_WORDS = 24
/** Numbers beyond are left out, so that squares of differences stay finite. */
const LARGEST = 2 ** 400

/** Reads a number of row-major little-endian data. */
function reader(dtype: Dtype, bytes: Uint8Array): (index: number) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  switch (dtype) {
    case 'float32':
      return (index) => view.getFloat32(4 * index, true)
    case 'float64':
      return (index) => view.getFloat64(8 * index, true)
    default:
      return (index) => view.getInt32(4 * index, true)
  }
}

interface Quantised {
  readonly levels: Uint32Array
  readonly low: number
  readonly high: number
}

/**
 * round((x - low) / (high - low) last), a half up, in doubles in this order. Zero for a constant column.
 */
function quantise(values: readonly number[], last: number): Quantised {
  const low = values.reduce((least, x) => (x < least ? x : least), values[0] ?? 0)
  const high = values.reduce((most, x) => (x > most ? x : most), values[0] ?? 0)
  const range = high - low
  const levels = Uint32Array.from(values, (x) =>
    range === 0 ? 0 : Math.min(Math.floor(((x - low) / range) * last + 0.5), last),
  )
  return { levels, low, high }
}

/** The rank from 1 of a quantile among n values: ceil(n p), p in millionths. */
export function rankOf(args: BootstrapArgs, n: number): number {
  return Math.max(Math.ceil((n * millionthsOf(args)) / 1_000_000), 1)
}

export function millionthsOf(args: BootstrapArgs): number {
  return Math.floor(args.percent * 10_000 + 0.5)
}

/**
 * The operand as the kernel reads it: [rows, 0, least and largest of x and of y as binary64 (8 words), 4 zeros, the statistic's
 * sums over the rows themselves (10 words)], then the levels. Rows with a number that is not finite, or beyond 2^400, are left out.
 * For a quantile the levels stand in ascending order; for a correlation as (x, y) by row.
 */
export function packColumn(args: BootstrapArgs, ref: InputRef, bytes: Uint8Array): Uint32Array<ArrayBuffer> {
  const [rows, columns] = ref.shape as [number, number]
  const read = reader(ref.dtype, bytes)
  const pairs = args.statistic === 'correlation'
  const xs: number[] = []
  const ys: number[] = []
  for (let row = 0; row < rows; row++) {
    const x = read(row * columns + args.column)
    const y = pairs ? read(row * columns + args.other_column) : 0
    // A comparison with NaN is false.
    if (!(Math.abs(x) <= LARGEST && Math.abs(y) <= LARGEST)) continue
    xs.push(x)
    ys.push(y)
  }
  const last = pairs && rows > CHUNK_ROWS ? COARSE_LEVELS : LEVELS
  const x = quantise(xs, last)
  const y = quantise(ys, last)
  const n = xs.length
  const words = new Uint32Array(HEADER_WORDS + Math.max(pairs ? 2 * n : n, 2))
  const view = new DataView(words.buffer)
  words[0] = n
  for (const [i, value] of [x.low, x.high, y.low, y.high].entries()) {
    view.setFloat64(0, value)
    const high = view.getUint32(0)
    const low = view.getUint32(4)
    words[2 + 2 * i] = low
    words[3 + 2 * i] = high
  }
  words[0] = n
  words[1] = 0
  if (args.statistic === 'quantile') x.levels.sort()
  for (let i = 0; i < n; i++) {
    if (pairs) words.set([x.levels[i] as number, y.levels[i] as number], HEADER_WORDS + 2 * i)
    else words[HEADER_WORDS + i] = x.levels[i] as number
  }
  words.set(
    statisticWords(args, words, (draw) => draw),
    14,
  )
  return words
}

/** How many words a resample's statistic has. */
export function statisticSize(args: BootstrapArgs): number {
  return args.statistic === 'correlation' ? 10 : 2
}

/**
 * The words of the statistic over the rows that `rowOf` gives for the draws 0 .. n - 1: as the kernel's, by plain
 * arithmetic. Sums of products stay exact as two numbers below 2^53.
 */
export function statisticWords(
  args: BootstrapArgs,
  words: Uint32Array,
  rowOf: (draw: number) => number,
): number[] {
  const n = words[0] as number
  const level = (index: number): number => words[HEADER_WORDS + index] as number
  const two = (value: number): number[] => [value >>> 0, Math.floor(value / 2 ** 32)]
  if (args.statistic === 'mean') {
    let sum = 0
    for (let draw = 0; draw < n; draw++) sum += level(rowOf(draw))
    return two(sum)
  }
  if (args.statistic === 'quantile') {
    const counts = new Uint32Array(Math.max(n, 1))
    for (let draw = 0; draw < n; draw++) {
      const row = rowOf(draw)
      counts[row] = (counts[row] as number) + 1
    }
    let rest = rankOf(args, n)
    let row = 0
    while (row < n - 1 && rest > (counts[row] as number)) rest -= counts[row++] as number
    return [level(row), 0]
  }
  let [x, y] = [0, 0]
  // Products below 2^48 by their low 24 bits and the rest.
  const low = [0, 0, 0]
  const high = [0, 0, 0]
  for (let draw = 0; draw < n; draw++) {
    const row = rowOf(draw)
    const [a, b] = [level(2 * row), level(2 * row + 1)]
    x += a
    y += b
    for (const [i, product] of [a * a, b * b, a * b].entries()) {
      const top = Math.floor(product / 2 ** 24)
      high[i] = (high[i] as number) + top
      low[i] = (low[i] as number) + product - top * 2 ** 24
    }
  }
  const wide = [0, 1, 2].flatMap((i) => {
    const sum = (BigInt(high[i] as number) << 24n) + BigInt(low[i] as number)
    return [Number(sum & 0xffffffffn), Number(sum >> 32n)]
  })
  return [...two(x), ...two(y), ...wide]
}
