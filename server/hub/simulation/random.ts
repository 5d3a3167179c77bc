import type { Leaves } from '../../../kernel/leaves.ts'

/** mulberry32: a small generator for simulations, the same numbers for the same seed. */
export class Random {
  #a: number

  constructor(seed: number) {
    this.#a = seed >>> 0
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#a = (this.#a + 0x6d2b79f5) >>> 0
    let t = this.#a
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  /** An integer from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }
}

/** Bytes of a simulated leaf at most. */
export const LEAF_MAX_BYTES = 64

/** Digests of simulated leaves: a leaf begins with its digest, and may go on. */
export function digestsOf(leaves: Leaves): Uint8Array {
  const digests = new Uint8Array(32 * leaves.length)
  let at = 0
  for (const leaf of leaves) digests.set(leaf.subarray(0, 32), 32 * at++)
  return digests
}

/** 32 bytes that depend on all three numbers: what a simulation takes for a digest. */
export function digestOf(job: number, shard: number, salt: number): Uint8Array {
  const random = new Random(Math.imul(job + 1, 0x9e3779b1) ^ Math.imul(shard + 1, 0x85ebca6b) ^ salt)
  const words = new Uint32Array(8)
  for (let at = 0; at < 8; at++) words[at] = random.next() * 4294967296
  return new Uint8Array(words.buffer)
}
