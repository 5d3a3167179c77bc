import type { JsonObject } from './canonical.ts'
import {
  type EarlyStopping,
  foldDigest,
  LEAST_OUTCOMES,
  type Look,
  meetsTarget,
  stopsAt,
} from './early-stopping.ts'
import { invariant } from './errors.ts'
import type { Artifact, Estimate, OpSpec, Plan } from './ops/op.ts'

export interface Outcome<R extends JsonObject = JsonObject> {
  readonly result: R
  readonly artifacts: readonly Artifact[]
}

/**
 * The fold of a job while it runs. Leaves may come in any order; each shard is added exactly once by the caller. A job
 * with a target ends where the looks at its prefixes say, whatever else has been added.
 */
export interface Aggregate {
  /** Shards that count: all that were added, and once the job has stopped those before its stopping point. */
  readonly folded: number
  /** Shards that the result covers, from the first; undefined until that is known. */
  readonly covered: number | undefined
  /** Looks whose shards are all there, in their order, up to the one that stops. */
  readonly looks: readonly Look[]
  add(shard: number, leaf: Uint8Array): void
  /** The estimate over what has been folded so far: for watching only, it depends on arrival. */
  estimate(): Estimate | undefined
  /** The result over the shards covered. @throws ForgeError INTERNAL when one of them is missing */
  finish(): Outcome
}

/** A run of shards folded on its own until all shards before it are there. */
interface Run<G> {
  readonly first: number
  readonly end: number
  fold: G | undefined
  folded: number
}

/**
 * Ops that estimate keep one partial fold for each run between two prefixes of interest: the first 2^j - 1 shards, and
 * the looks of a job with a target. The convergence over plan prefixes, and the stopping point, are then exact and
 * independent of arrival with O(log n) memory; other ops keep a single fold.
 */
export function createAggregate<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  op: OpSpec<A, C, G, R>,
  args: A,
  plan: Plan<C>,
  target?: EarlyStopping['target'],
): Aggregate {
  const { merge } = op.fold
  const estimateOf = op.estimate
  const prefixes = estimateOf !== undefined && merge !== undefined
  const lookEnds = new Set(plan.looks)
  invariant(
    (plan.looks === undefined) === (target === undefined) && (target === undefined || prefixes),
    'looks of an op that estimates, with a target',
  )
  const runs: readonly Run<G>[] = runsOf(plan, prefixes)
  /** The fold of all runs before `next`. */
  const prefix = op.fold.empty(plan, args)
  let next = 0
  let folded = 0
  let covered: number | undefined
  const convergence: ({ readonly shards: number } & Estimate)[] = []
  const looks: Look[] = []

  const runOf = (shard: number): Run<G> => {
    let low = 0
    let high = runs.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (shard < (runs[middle] as Run<G>).end) high = middle
      else low = middle + 1
    }
    return runs[low] as Run<G>
  }

  const lookAt = (shards: number, estimate: Estimate): Look => {
    invariant(op.stopping !== undefined && target !== undefined, 'a look of an op that may stop')
    return {
      shards,
      samples: estimate.samples,
      value: estimate.value,
      standard_error: estimate.standard_error,
      enough_outcomes: op.stopping
        .outcomes(prefix, plan, args)
        .every((occurred) => occurred >= LEAST_OUTCOMES),
      target_met: meetsTarget(target, estimate),
      fold: foldDigest(prefix),
    }
  }

  /** Appends complete runs to the prefix, and looks at it where the schedule says. */
  const advance = (): void => {
    while (covered === undefined && next < runs.length) {
      const run = runs[next] as Run<G>
      if (run.folded < run.end - run.first) return
      if (run.fold !== undefined) merge?.(prefix, run.fold)
      run.fold = undefined
      next++
      const isLook = lookEnds.has(run.end)
      const isLast = run.end === plan.shard_count
      const estimate = estimateOf?.(args, plan, prefix)
      if (isLook) {
        invariant(estimate !== undefined, 'a look at two samples or more')
        const look = lookAt(run.end, estimate)
        looks.push(look)
        if (stopsAt(look)) covered = run.end
      }
      if (isLast) covered = run.end
      // A look between the powers of two is a point of the curve only where the job ends.
      const isPoint = covered !== undefined || (run.end & (run.end + 1)) === 0
      if (prefixes && isPoint && estimate !== undefined) convergence.push({ shards: run.end, ...estimate })
    }
  }

  /** Everything folded so far, complete or not. */
  const total = (): G => {
    if (covered !== undefined || !prefixes) return prefix
    const sum = op.fold.empty(plan, args)
    merge(sum, prefix)
    for (const { fold } of runs) if (fold !== undefined) merge(sum, fold)
    return sum
  }

  return {
    get folded() {
      return covered ?? folded
    },
    get covered() {
      return covered
    },
    looks,
    add(shard, leaf) {
      folded++
      if (covered !== undefined && shard >= covered) return
      const run = runOf(shard)
      run.folded++
      if (prefixes) run.fold ??= op.fold.empty(plan, args)
      op.fold.add(run.fold ?? prefix, shard, leaf)
      advance()
    },
    estimate() {
      return folded === 0 ? undefined : estimateOf?.(args, plan, total())
    },
    finish() {
      invariant(covered !== undefined, `fold of ${folded} of ${plan.shard_count} shards`)
      const { result, artifacts } = op.reduce(args, plan, prefix, convergence)
      const last = looks.at(-1)
      if (last === undefined) return { result, artifacts }
      const stopping = {
        reason: stopsAt(last) ? 'target' : 'maximum',
        shards: covered,
        samples: last.samples,
        maximum_shards: plan.shard_count,
        looks: looks.map((look) => ({ ...look })),
      }
      return { result: { ...result, stopping }, artifacts }
    },
  }
}

/** Runs between the prefixes of interest; one run where the op has none. */
function runsOf<G>({ shard_count, looks = [] }: Plan, prefixes: boolean): Run<G>[] {
  const ends = new Set([...looks, shard_count])
  if (prefixes) for (let end = 1; end < shard_count; end = 2 * end + 1) ends.add(end)
  return [...ends]
    .sort((a, b) => a - b)
    .map((end, at, sorted) => ({ first: sorted[at - 1] ?? 0, end, fold: undefined, folded: 0 }))
}
