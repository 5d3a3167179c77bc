import { invariant } from '../../errors.ts'
import { bigIntToLimbs } from '../../numerics/limbs.ts'
import { normalQuantileQ24 } from '../../numerics/normal.ts'
import { philox4x32 } from '../../numerics/philox.ts'
import { mulHiRound } from '../../numerics/u32.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { PhiloxKey } from '../../seed.ts'
import { FAN_TIMES, FanTally } from '../fan.ts'
import { referenceFor } from '../reference.test-support.ts'
import { shardSamples } from '../samples.ts'
import type { LorenzArgs } from './args.ts'
import { lorenzSpec } from './index.ts'
import { LEAF_WORDS, type LorenzConstants, type LorenzPlan } from './plan.ts'

const LIMIT = 0x20000000
const SLOPE_LIMIT = 0x10000000
/** round(2^32 / 6) */
const SIXTH = 715827883

/** a times a constant in Q32, below 1. */
function scale(a: number, constant: number): number {
  return a < 0 ? -mulHiRound(-a, constant) : mulHiRound(a, constant)
}

/** The product of two states in Q29. */
function product(a: number, b: number): number {
  const size = mulHiRound(Math.abs(a) << 2, Math.abs(b) << 1)
  return a < 0 !== b < 0 ? -size : size
}

/** One run: the state, and how often a clamp acted. Coordinates are fields, so that a step allocates nothing. */
class Run {
  x = 0
  y = 0
  z = 0
  saturations = 0
  #kx = 0
  #ky = 0
  #kz = 0
  readonly #c: LorenzConstants

  constructor(c: LorenzConstants) {
    this.#c = c
  }

  #bounded(value: number, limit: number): number {
    if (value <= limit && value >= -limit) return value
    this.saturations++
    return value < 0 ? -limit : limit
  }

  /** dt times the derivative at a state, into the k fields. */
  #slope(x: number, y: number, z: number): void {
    const c = this.#c
    const pull = c.rho - 2 * scale(z, c.coupling)
    this.#kx = this.#bounded(scale(y - x, c.sigma), SLOPE_LIMIT)
    this.#ky = this.#bounded(product(x, pull) - scale(y, c.step), SLOPE_LIMIT)
    this.#kz = this.#bounded(2 * scale(product(x, y), c.coupling) - scale(z, c.beta), SLOPE_LIMIT)
  }

  #slopeAt(x: number, y: number, z: number): void {
    this.#slope(this.#bounded(x, LIMIT), this.#bounded(y, LIMIT), this.#bounded(z, LIMIT))
  }

  step(): void {
    const { x, y, z } = this
    this.#slope(x, y, z)
    let sumX = this.#kx
    let sumY = this.#ky
    let sumZ = this.#kz
    for (let stage = 0; stage < 2; stage++) {
      this.#slopeAt(x + (this.#kx >> 1), y + (this.#ky >> 1), z + (this.#kz >> 1))
      sumX += 2 * this.#kx
      sumY += 2 * this.#ky
      sumZ += 2 * this.#kz
    }
    this.#slopeAt(x + this.#kx, y + this.#ky, z + this.#kz)
    this.x = this.#bounded(x + scale(sumX + this.#kx, SIXTH), LIMIT)
    this.y = this.#bounded(y + scale(sumY + this.#ky, SIXTH), LIMIT)
    this.z = this.#bounded(z + scale(sumZ + this.#kz, SIXTH), LIMIT)
  }
}

/** The leaf of a shard. The same formula as shaders/ensemble/lorenz.v1.wgsl, whose header states it. */
export function referenceLorenz(
  args: LorenzArgs,
  plan: LorenzPlan,
  key: PhiloxKey,
  shard: number,
): Uint8Array {
  invariant(Number.isInteger(shard) && shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  const c = plan.constants
  const words = new Uint32Array(4)
  const fan = new FanTally()
  const runs = shardSamples(plan, shard)
  let saturations = 0
  const last = [0, 0, 0]
  for (let index = 0; index < runs; index++) {
    philox4x32(words, 0, (shard << c.log2_shard_paths) | index, 0, 0, key[0], key[1])
    const error = (word: number): number => scale(normalQuantileQ24(words[word] as number) << 4, c.error)
    const run = new Run(c)
    run.x = c.x + error(0)
    run.y = c.y + error(1)
    run.z = c.z + error(2)
    let time = 0
    let report = Math.floor(args.steps / FAN_TIMES)
    for (let step = 1; step <= args.steps; step++) {
      run.step()
      if (step !== report) continue
      const value = run[args.coordinate] + LIMIT
      fan.add(time, value, Math.min(value >>> 24, 63))
      time++
      report = Math.floor(((time + 1) * args.steps) / FAN_TIMES)
    }
    saturations += run.saturations
    for (const [i, value] of [run.x, run.y, run.z].entries()) last[i] = (last[i] as number) + value + LIMIT
  }
  const leaf = new Uint32Array(LEAF_WORDS)
  leaf[0] = runs
  bigIntToLimbs(BigInt(saturations), leaf, 1, 2)
  for (const [i, sum] of last.entries()) bigIntToLimbs(BigInt(sum), leaf, 4 + 2 * i, 2)
  fan.write(leaf, 16)
  return wordsToBytes(leaf)
}

export const reference = referenceFor(lorenzSpec, ({ args, plan, key }, shard) =>
  referenceLorenz(args, plan, key, shard),
)
