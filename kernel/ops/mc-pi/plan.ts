import type { Plan } from '../op.ts'
import { type PiArgs, SHARD_POINTS } from './args.ts'

export type PiConstants = {
  readonly shard_points: number
  /** Points of the last shard, 1 to shard_points. */
  readonly last_points: number
}

export type PiPlan = Plan<PiConstants>

export const LEAF_WORDS = 4

/** Points of the reference per work unit, that is, per microsecond. */
const POINTS_PER_UNIT = 40

export function planPi(args: PiArgs): PiPlan {
  const shards = Math.ceil(args.points / SHARD_POINTS)
  return {
    shard_count: shards,
    work_units: Math.ceil(args.points / POINTS_PER_UNIT),
    leaf: { kind: 'inline', max_bytes: 4 * LEAF_WORDS },
    constants: { shard_points: SHARD_POINTS, last_points: args.points - (shards - 1) * SHARD_POINTS },
  }
}

export function shardPoints(plan: PiPlan, shard: number): number {
  return shard === plan.shard_count - 1 ? plan.constants.last_points : plan.constants.shard_points
}
