import { mulHi } from './u32.ts'

/**
 * Philox4x32, a counter-based generator: the same counter and key give the same four words everywhere, so any worker
 * can compute any draw. Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011;
 * constants of Random123. Profiles of this network use the counter (draw block, item low, item high, stream).
 */

export const PHILOX_ROUNDS = 10

const M0 = 0xd2511f53
const M1 = 0xcd9e8d57
/** Weyl increments of the key: the golden ratio and sqrt(3) - 1. */
const W0 = 0x9e3779b9
const W1 = 0xbb67ae85

/**
 * Writes the four words of counter (c0, c1, c2, c3) under key (k0, k1) to `out[0..3]`. Allocates nothing.
 * @param rounds 10 unless a known answer of the reduced generator is wanted
 */
export function philox4x32(
  out: Uint32Array,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
  rounds: number = PHILOX_ROUNDS,
): void {
  let a = c0 | 0
  let b = c1 | 0
  let c = c2 | 0
  let d = c3 | 0
  let key0 = k0 | 0
  let key1 = k1 | 0
  for (let round = 0; round < rounds; round++) {
    const high0 = mulHi(a, M0) | 0
    const low0 = Math.imul(a, M0)
    const high1 = mulHi(c, M1) | 0
    const low1 = Math.imul(c, M1)
    a = high1 ^ b ^ key0
    b = low1
    c = high0 ^ d ^ key1
    d = low0
    key0 = (key0 + W0) | 0
    key1 = (key1 + W1) | 0
  }
  out[0] = a
  out[1] = b
  out[2] = c
  out[3] = d
}
