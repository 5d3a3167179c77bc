import { TABLES } from './tables/index.ts'
import { mulHi } from './u32.ts'

const ROWS = TABLES.log2.words

/** log2_q26 of shaders/prelude/log2.wgsl: log2 of a word in Q26, of 0 as of 1. */
export function log2Q26(v: number): number {
  const word = v === 0 ? 1 : v
  const zeros = Math.clz32(word)
  const aligned = word << zeros
  const row = (aligned >>> 21) & 0x3fc
  const x = (aligned << 9) >>> 0
  const t = (ROWS[row + 1] as number) - mulHi(ROWS[row + 2] as number, x)
  const y = (ROWS[row] as number) + (mulHi(t, x) >>> 8)
  return (31 - zeros) * 2 ** 26 + ((y + 16) >>> 5)
}
