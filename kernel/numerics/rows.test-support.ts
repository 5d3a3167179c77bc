import { TABLES, type TableName } from './tables/index.ts'

/**
 * The table look-ups of the kernels in BigInt, from their definition: what the ops' oracles stand on. They share only
 * the tables' words with the implementation.
 */

export const SATURATED = (1n << 31n) - 1n

function row(table: TableName, index: bigint): [bigint, bigint, bigint] {
  const words = TABLES[table].words
  return [0, 1, 2].map((i) => BigInt(words[4 * Number(index) + i] as number)) as [bigint, bigint, bigint]
}

/** floor(t x / 2^16) as two bytes of x are taken one after the other. */
function timesFraction(t: bigint, x: bigint): bigint {
  return (t * (x >> 8n) + ((t * (x % 256n)) >> 8n)) >> 8n
}

/** The normal of a uniform word, Q24. */
export function normalOracle(u: bigint): bigint {
  const n = 2n * (u % (1n << 31n)) + 1n
  const e = BigInt(n.toString(2).length - 1)
  const aligned = n << (31n - e)
  const [c0, c1, c2] = row('normal-quantile', 16n * e + ((aligned >> 27n) % 16n))
  const x = (aligned >> 11n) % 65536n
  const z = c0 - timesFraction(c1 - ((c2 * x) >> 16n), x)
  return u >> 31n ? -z : z
}

/** 2^x in Q(30 - top) for x in Q24, a half up; SATURATED from 2^(top + 1) on. */
export function exp2Oracle(x: bigint, top: bigint): bigint {
  const whole = x >> 24n
  if (whole > top) return SATURATED
  const f = x - (whole << 24n)
  const [c0, c1, c2] = row('exp2', f >> 16n)
  const low = f % 65536n
  const power = c0 + timesFraction(c1 + ((c2 * low) >> 16n), low)
  const down = top - whole
  return (2n * power + (1n << down)) >> (down + 1n)
}

/** log2 of a word in Q26, of 0 as of 1. */
export function log2Oracle(v: bigint): bigint {
  const word = v === 0n ? 1n : v
  const e = BigInt(word.toString(2).length - 1)
  const aligned = word << (31n - e)
  const [c0, c1, c2] = row('log2', (aligned >> 23n) % 256n)
  const x = (aligned % (1n << 23n)) << 9n
  const t = c1 - ((c2 * x) >> 32n)
  return (e << 26n) + ((c0 + ((t * x) >> 40n) + 16n) >> 5n)
}

/** sign(a) round(|a b| / 2^bits), a half away from zero, b >= 0. */
export function scaleOracle(a: bigint, b: bigint, bits: bigint): bigint {
  const magnitude = ((a < 0n ? -a : a) * b + (1n << (bits - 1n))) >> bits
  return a < 0n ? -magnitude : magnitude
}
