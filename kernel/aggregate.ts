import type { JsonObject } from './canonical.ts'
import { invariant } from './errors.ts'
import type { Artifact, Convergence, Estimate, OpSpec, Plan } from './ops/op.ts'

export interface Outcome<R extends JsonObject = JsonObject> {
  readonly result: R
  readonly artifacts: readonly Artifact[]
}

/** The fold of a job while it runs. Leaves may come in any order; each shard is added exactly once by the caller. */
export interface Aggregate {
  readonly folded: number
  add(shard: number, leaf: Uint8Array): void
  /** The estimate over what has been folded so far: for watching only, it depends on arrival. */
  estimate(): Estimate | undefined
  /** The result over the whole plan. @throws ForgeError INTERNAL when a shard is missing */
  finish(): Outcome
}

/**
 * Ops that estimate keep one partial fold per power of two of the shard index, so that the convergence over plan
 * prefixes is exact and independent of arrival with O(log n) memory; other ops keep a single fold.
 */
export function createAggregate<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  op: OpSpec<A, C, G, R>,
  args: A,
  plan: Plan<C>,
): Aggregate {
  const buckets: (G | undefined)[] = []
  const merge = op.fold.merge
  const prefixes = op.estimate !== undefined && merge !== undefined
  let folded = 0

  const bucketOf = (shard: number): number => (prefixes ? 31 - Math.clz32(shard + 1) : 0)

  const bucketAt = (index: number): G => {
    const known = buckets[index]
    if (known !== undefined) return known
    const created = op.fold.empty(plan, args)
    buckets[index] = created
    return created
  }

  const total = (): G => {
    if (!prefixes) return bucketAt(0)
    const sum = op.fold.empty(plan, args)
    for (const bucket of buckets) if (bucket !== undefined) merge(sum, bucket)
    return sum
  }

  const convergence = (): Convergence => {
    if (!prefixes || op.estimate === undefined) return []
    const running = op.fold.empty(plan, args)
    const points: { shards: number; samples: number; value: number; standard_error: number }[] = []
    for (let j = 0; j < buckets.length; j++) {
      const bucket = buckets[j]
      if (bucket === undefined) continue
      merge(running, bucket)
      const estimate = op.estimate(args, plan, running)
      if (estimate !== undefined)
        points.push({ shards: Math.min(2 ** (j + 1) - 1, plan.shard_count), ...estimate })
    }
    return points
  }

  return {
    get folded() {
      return folded
    },
    add(shard, leaf) {
      op.fold.add(bucketAt(bucketOf(shard)), shard, leaf)
      folded++
    },
    estimate() {
      return folded === 0 ? undefined : op.estimate?.(args, plan, total())
    },
    finish() {
      invariant(folded === plan.shard_count, `fold of ${folded} of ${plan.shard_count} shards`)
      return op.reduce(args, plan, total(), convergence())
    },
  }
}
