import type { Lines } from './operands.ts'
import { type Runs, STEP_PAIRS } from './tiles.ts'

/**
 * Lines in groups of `width`: for each product, digit, group and pair along the depth `width` words, the first of the pair
 * in the low half. Each run begins a step. What lies beyond the lines, the depth and the runs is zero.
 */
export function packPairs(
  products: readonly Lines[],
  width: number,
  runs: Runs,
  digits: number,
  digitBits: number,
): Uint32Array {
  const groups = Math.ceil((products[0]?.lines ?? 0) / width)
  const size = groups * runs.runs * runs.run_steps * STEP_PAIRS * width
  const packed = new Uint32Array(products.length * digits * size)
  for (const [i, lines] of products.entries()) {
    for (let digit = 0; digit < digits; digit++) {
      const first = (i * digits + digit) * size
      const elements = digitOf(lines.elements, digits, digit, digitBits)
      for (let run = 0; run < runs.runs; run++)
        packRun(packed.subarray(first, first + size), elements, lines, width, runs, run)
    }
  }
  return packed
}

/** Digit 0 of two is what its bits say with a sign, digit 1 the rest. */
function digitOf(
  elements: Int8Array | Int32Array,
  digits: number,
  digit: number,
  digitBits: number,
): Int16Array {
  const out = new Int16Array(elements)
  if (digits === 1) return out
  if (digit === 0) {
    const up = 16 - digitBits
    for (let i = 0; i < out.length; i++) out[i] = ((out[i] as number) << (up + 16)) >> (up + 16)
    return out
  }
  const half = 2 ** (digitBits - 1)
  for (let i = 0; i < out.length; i++) out[i] = ((elements[i] as number) + half) >> digitBits
  return out
}

/** One run of all lines, in the order of the elements, whichever side they lie along. */
function packRun(
  out: Uint32Array,
  elements: Int16Array,
  { lines, depth, line_stride, depth_stride }: Lines,
  width: number,
  { runs, run_pairs, run_steps }: Runs,
  run: number,
): void {
  const groupWords = runs * run_steps * STEP_PAIRS * width
  const k = 2 * run * run_pairs
  const whole = Math.min(run_pairs, Math.max((depth - k) >> 1, 0))
  const hasHalf = whole < run_pairs && k + 2 * whole < depth
  for (let line = 0, group = run * run_steps * STEP_PAIRS * width; line < lines; line += width) {
    const count = Math.min(width, lines - line)
    const first = line * line_stride + k * depth_stride
    if (line_stride === 1) {
      for (let pair = 0, from = first, to = group; pair < whole; pair++, to += width) {
        const next = from + depth_stride
        for (let l = 0; l < count; l++)
          out[to + l] = ((elements[from + l] as number) & 0xffff) | ((elements[next + l] as number) << 16)
        from = next + depth_stride
      }
    } else {
      for (let l = 0; l < count; l++) {
        for (
          let pair = 0, from = first + l * line_stride, to = group + l;
          pair < whole;
          pair++, to += width
        ) {
          const next = from + depth_stride
          out[to] = ((elements[from] as number) & 0xffff) | ((elements[next] as number) << 16)
          from = next + depth_stride
        }
      }
    }
    for (let l = 0; hasHalf && l < count; l++)
      out[group + whole * width + l] =
        (elements[first + l * line_stride + 2 * whole * depth_stride] as number) & 0xffff
    group += groupWords
  }
}
