import { invariant } from '../../errors.ts'
import { bigIntToLimbs } from '../../numerics/limbs.ts'
import { philox4x32 } from '../../numerics/philox.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { PhiloxKey } from '../../seed.ts'
import { referenceFor } from '../reference.test-support.ts'
import { shardSamples } from '../samples.ts'
import type { IsingArgs } from './args.ts'
import { isingSpec } from './index.ts'
import { type IsingConstants, type IsingPlan, LEAF_WORDS, MAGNETISATION_BINS, NARROW_SIZE } from './plan.ts'
import { WideLattice } from './wide-lattice.test-support.ts'

/** Bits set in a word. Source: Warren, Hacker's Delight (2nd ed.), figure 5-2. */
function countBits(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555)
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333)
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** A replica's lattice, and its moves as in the kernel: all sites of a row at once. */
class Lattice {
  readonly rows = new Int32Array(32)
  readonly #words = new Uint32Array(4)
  readonly #c: IsingConstants
  readonly #key: PhiloxKey
  readonly #mask: number
  readonly #last: number
  #replica = 0

  constructor(c: IsingConstants, key: PhiloxKey) {
    this.#c = c
    this.#key = key
    this.#mask = c.size === 32 ? -1 : (1 << c.size) - 1
    this.#last = c.size - 1
  }

  start(replica: number, random: boolean): void {
    this.#replica = replica
    for (let y = 0; y < this.#c.size; y++) {
      philox4x32(this.#words, y, replica, 0, 1, this.#key[0], this.#key[1])
      this.rows[y] = (random ? (this.#words[0] as number) : -1) & this.#mask
    }
  }

  #toLeft(row: number): number {
    return ((row << 1) | (row >>> this.#last)) & this.#mask
  }

  #toRight(row: number): number {
    return ((row >>> 1) | (row << this.#last)) & this.#mask
  }

  /** One colour of one row; half = 2 sweep + colour. */
  update(y: number, half: number): void {
    const { size, accept_three, accept_four } = this.#c
    const [k0, k1] = this.#key
    const words = this.#words
    let three = 0
    let four = 0
    for (let block = 0; block < size; block += 8) {
      philox4x32(words, ((half * 32 + y) << 2) + (block >>> 3), this.#replica, 0, 0, k0, k1)
      for (let j = 0; j < 4; j++) {
        const word = words[j] as number
        if (word < accept_three) three |= 1 << (block + 2 * j)
        if (word < accept_four) four |= 1 << (block + 2 * j)
      }
    }
    const row = this.rows[y] as number
    const a = ~(row ^ (this.rows[(y + this.#last) & this.#last] as number))
    const b = ~(row ^ (this.rows[(y + 1) & this.#last] as number))
    const c = ~(row ^ this.#toLeft(row))
    const d = ~(row ^ this.#toRight(row))
    const odd = (y ^ half) & 1
    const allFour = a & b & c & d
    const justThree = (a & b & (c ^ d)) | ((a ^ b) & c & d)
    const stays = (allFour & ~(four << odd)) | (justThree & ~(three << odd))
    this.rows[y] = row ^ ((0x55555555 << odd) & this.#mask & ~stays)
  }

  /** Pairs of alike neighbours, and spins that are up. */
  measure(): { alike: number; up: number } {
    let alike = 0
    let up = 0
    for (let y = 0; y < this.#c.size; y++) {
      const row = this.rows[y] as number
      up += countBits(row)
      alike += countBits(~(row ^ (this.rows[(y + 1) & this.#last] as number)) & this.#mask)
      alike += countBits(~(row ^ this.#toLeft(row)) & this.#mask)
    }
    return { alike, up }
  }
}

/** The leaf of a shard. The same formula as shaders/ensemble/ising.v1.wgsl, whose header states it. */
export function referenceIsing(args: IsingArgs, plan: IsingPlan, key: PhiloxKey, shard: number): Uint8Array {
  invariant(Number.isInteger(shard) && shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  const c = plan.constants
  const lattice = c.size > NARROW_SIZE ? new WideLattice(c, key) : new Lattice(c, key)
  const sites = c.size * c.size
  const leaf = new Uint32Array(LEAF_WORDS)
  const sums = new Array<bigint>(7).fill(0n)
  const add = (index: number, value: number | bigint): void => {
    sums[index] = (sums[index] as bigint) + BigInt(value)
  }
  const replicas = shardSamples(plan, shard)
  for (let replica = 0; replica < replicas; replica++) {
    lattice.start((shard << c.log2_shard_paths) | replica, args.start === 'random')
    let due = c.burn_in + c.interval
    let [alikes, squares, magnetisations, seconds] = [0, 0, 0, 0]
    let fourths = 0n
    for (let sweep = 0; sweep < c.sweeps; sweep++) {
      for (let half = 2 * sweep; half < 2 * sweep + 2; half++)
        for (let y = 0; y < c.size; y++) lattice.update(y, half)
      if (sweep + 1 !== due) continue
      due += c.interval
      const { alike, up } = lattice.measure()
      const m = Math.abs(2 * up - sites)
      alikes += alike
      squares += alike * alike
      magnetisations += m
      seconds += m * m
      fourths += BigInt(m) ** 4n
      const bin = 32 + Math.min((2 * up) >>> c.bin_shift, MAGNETISATION_BINS - 1)
      leaf[bin] = (leaf[bin] as number) + 1
    }
    for (const [index, value] of [alikes, squares, magnetisations, seconds, fourths].entries())
      add(index, value)
    add(5, BigInt(alikes) * BigInt(alikes))
    add(6, BigInt(magnetisations) * BigInt(magnetisations))
  }
  leaf[0] = replicas
  leaf[1] = replicas * c.measurements
  for (const [index, value] of sums.entries()) bigIntToLimbs(value, leaf, 4 + 4 * index, 4)
  return wordsToBytes(leaf)
}

export const reference = referenceFor(isingSpec, ({ args, plan, key }, shard) =>
  referenceIsing(args, plan, key, shard),
)
