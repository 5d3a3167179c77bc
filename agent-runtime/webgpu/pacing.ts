import { WORKGROUP_SIZE } from './device.ts'

/**
 * How much work one dispatch carries. A dispatch should take 16 to 50 ms: shorter ones waste the device on overhead,
 * longer ones make the desktop stutter and delay a stop. Speed is known only by measuring, and a result cannot depend
 * on it: cutting shards across dispatches and batching them never changes a byte.
 */
export const PACING = {
  target_ms: 32,
  /** The first dispatch of a job, by the plan's cost model: software drivers are a few times slower than it says. */
  first_ms: 8,
  /** At most this factor from one measurement to the next: a stall must not collapse the size, nor luck explode it. */
  growth: 2,
  /** The same, once the size has been right. */
  coarse_growth: 1.25,
  /** Completion heard later than this is a polling step, not a duration (Firefox: about 100 ms). */
  coarse_latency_ms: 8,
  /** Below this share of a step two completions are not a step apart. */
  step_share: 0.6,
  /** Dispatches queued where completion comes in coarse steps; else one. */
  coarse_depth: 3,
  /** Two completions closer than this came from the same polling step. */
  same_step_ms: 2,
} as const

/** Learns the size of a dispatch, in invocations, from how long dispatches take. One per job and device. */
export class Pacer {
  /** Dispatches that may be queued at once; never more than at first. */
  depth: number
  #latencyMs: number
  #invocations: number
  #lastDoneAt = Number.NEGATIVE_INFINITY
  /** Completions heard in the present polling step. */
  #inStep = 0
  #settled = false
  /** The step in which completion seemed to come at first; undefined where it never did, or surely does. */
  #doubtedStepMs: number | undefined
  /** Smaller dispatches one after the other that took no less time. */
  #unmoved = 0
  #isCertain = false
  #last = { invocations: 0, ms: 0 }

  /**
   * @param latencyMs time from submitting nothing to hearing that it is done
   * @param firstInvocations size of the first dispatch
   */
  constructor(latencyMs: number, firstInvocations: number) {
    this.#latencyMs = latencyMs
    this.#invocations = Math.max(WORKGROUP_SIZE, firstInvocations)
    this.depth = latencyMs > PACING.coarse_latency_ms ? PACING.coarse_depth : 1
  }

  /** Invocations that the next dispatch should carry. */
  get invocations(): number {
    return Math.round(this.#invocations)
  }

  /**
   * To be called in the order of completion.
   * @param invocations what the dispatch carried
   * @param startedAt when it was submitted, or when its predecessor was done if that was later: ms
   * @param doneAt when its completion was heard: ms
   */
  record(invocations: number, startedAt: number, doneAt: number): void {
    if (this.depth === 1) {
      if (this.#isStepAfterAll(invocations, doneAt - startedAt)) return
      const duration = Math.max(doneAt - startedAt - this.#latencyMs, 0.05)
      this.#resize((invocations * PACING.target_ms) / duration, invocations, PACING.growth)
      return
    }
    // Completions that come further apart than a step's own, and yet sooner than the step, show that there is none: the
    // device was only busy when its latency was measured.
    const gap = doneAt - this.#lastDoneAt
    if (!this.#isCertain && gap > PACING.same_step_ms && gap < PACING.step_share * this.#latencyMs) {
      this.#doubtedStepMs = this.#latencyMs
      this.#latencyMs = Math.min(gap, PACING.coarse_latency_ms)
      this.depth = 1
    }
    // Coarse steps: a duration below a step cannot be seen. All queued dispatches done in one step means the device
    // was idle for a while and can take more; one dispatch over more than a step was too large.
    this.#inStep = doneAt - this.#lastDoneAt < PACING.same_step_ms ? this.#inStep + 1 : 1
    this.#lastDoneAt = doneAt
    if (this.#inStep >= this.depth) {
      this.#inStep = 0
      const growth = this.#settled ? PACING.coarse_growth : PACING.growth
      this.#resize(invocations * growth, invocations, growth)
    } else if (doneAt - startedAt > 1.5 * this.#latencyMs) {
      this.#settled = true
      this.#resize((invocations * PACING.target_ms) / (doneAt - startedAt), invocations, PACING.growth)
    }
  }

  /**
   * A gap may be short by chance, since a new submission can make the host look for what is done. When dispatches shrink and
   * take as long as before, it is the step that is measured: back to what was believed at first, for good.
   */
  #isStepAfterAll(invocations: number, ms: number): boolean {
    const step = this.#doubtedStepMs
    if (step === undefined) return false
    const last = this.#last
    this.#last = { invocations, ms }
    const isUnmoved =
      invocations < last.invocations && ms > 0.7 * last.ms && ms > 2 * PACING.coarse_latency_ms
    this.#unmoved = isUnmoved ? this.#unmoved + 1 : 0
    if (this.#unmoved < 2) return false
    this.#doubtedStepMs = undefined
    this.#isCertain = true
    this.#latencyMs = step
    this.depth = PACING.coarse_depth
    this.#invocations *= PACING.growth ** 3
    return true
  }

  #resize(wanted: number, measured: number, growth: number): void {
    // A small dispatch (the rest of a lease) says little about large ones: it may not lower the size.
    if (wanted < this.#invocations && measured < this.#invocations / 2) return
    const bounded = Math.min(this.#invocations * growth, Math.max(this.#invocations / growth, wanted))
    // A workgroup is the least that is dispatched: a smaller wish would only delay the way back up.
    this.#invocations = Math.max(WORKGROUP_SIZE, bounded)
  }
}

/** A dispatch: shards along y, invocations of each along x. Shards in one slice are always whole or cut alike. */
export interface Slice {
  readonly first_shard: number
  readonly shards: number
  /** Invocations `[first, end)` of every shard of the slice. */
  readonly first_invocation: number
  readonly end_invocation: number
  /** The slice starts its shards: the output is cleared before it. */
  readonly opens: boolean
  /** The slice ends its shards: the output is read after it. */
  readonly closes: boolean
}

export interface SliceBounds {
  /** Invocations of one shard. */
  readonly invocations: number
  /** Invocations that one dispatch may not cross a multiple of: a stage's, or the shard's. */
  readonly stage_invocations: number
  readonly workgroup_size: number
  readonly workgroups_per_dimension: number
  /** Shards whose slots fit the output buffer. */
  readonly slots: number
}

/** Where a run stands. */
export interface Position {
  /** The next shard, and the next invocation inside it. */
  readonly shard: number
  readonly invocation: number
  /** Shards that stand at the same invocation; of no interest at the first one. */
  readonly shards: number
}

/**
 * The next dispatch of a run: whole stages of as many shards as fit, or a part of a stage of the shards that were begun.
 * @param end one past the last shard
 * @param capacity invocations that the dispatch should carry
 */
export function nextSlice(at: Position, end: number, capacity: number, bounds: SliceBounds): Slice {
  const { invocations, stage_invocations: stage, workgroup_size } = bounds
  const widest = workgroup_size * bounds.workgroups_per_dimension
  const begun = at.invocation > 0
  const batch = widest >= stage ? Math.max(1, Math.floor(capacity / stage)) : 1
  const shards = begun
    ? at.shards
    : Math.min(batch, end - at.shard, bounds.slots, bounds.workgroups_per_dimension)
  const stageEnd = Math.min(invocations, (Math.floor(at.invocation / stage) + 1) * stage)
  const room = Math.floor(capacity / shards)
  const width =
    room >= stageEnd - at.invocation
      ? stageEnd - at.invocation
      : Math.max(1, Math.floor(room / workgroup_size)) * workgroup_size
  const stop = Math.min(stageEnd, at.invocation + Math.min(width, widest))
  return {
    first_shard: at.shard,
    shards,
    first_invocation: at.invocation,
    end_invocation: stop,
    opens: !begun,
    closes: stop === invocations,
  }
}

/** Slices of a burst: a stop is delayed by them all, and each costs the host a little. */
const BURST_SLICES = 256

/**
 * Slices that are handed to the device together: stages are often far shorter than a dispatch should be, and each waits for
 * the one before, which the device's queue sees to.
 */
export function nextBurst(
  at: Position,
  end: number,
  capacity: number,
  bounds: SliceBounds,
): readonly Slice[] {
  const burst: Slice[] = []
  let room = capacity
  for (let from = at; ; ) {
    const slice = nextSlice(from, end, Math.max(room, 1), bounds)
    burst.push(slice)
    room -= invocationsOf(slice)
    const endsStage = slice.end_invocation % bounds.stage_invocations === 0
    const fits = room >= bounds.stage_invocations * slice.shards
    if (slice.closes || !endsStage || !fits || burst.length === BURST_SLICES) return burst
    from = positionAfter(slice)
  }
}

/** Invocations of all shards of a slice. */
export function invocationsOf({ first_invocation, end_invocation, shards }: Slice): number {
  return (end_invocation - first_invocation) * shards
}

/** Where a run stands after a slice. */
export function positionAfter(slice: Slice): Position {
  return slice.closes
    ? { shard: slice.first_shard + slice.shards, invocation: 0, shards: 0 }
    : { shard: slice.first_shard, invocation: slice.end_invocation, shards: slice.shards }
}
