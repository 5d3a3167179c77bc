import { invariant } from '../../../kernel/errors.ts'
import { wakeFor } from './hungry.ts'
import { runTransition } from './lifecycle.ts'
import { HUB } from './limits.ts'
import { unlink } from './linked-list.ts'
import { kindOf } from './offers.ts'
import type { Copy, HubChunk, HubJob, HubState, KindMask, Run } from './state.ts'
import { offerFresh, offerJob } from './turns.ts'
import { plannedCopies } from './verify-policy.ts'
import { voicesOf } from './voices.ts'

/**
 * Runs: making, splitting, and the queue in which each stands.
 *
 * An open run that wants a copy which nobody has promised stands in `job.waiting`; one whose copies are all promised
 * stands in `job.flying`; an audited one in `state.audits`; a disputed one, and one to which nobody can give a copy, in
 * `state.disputes`; one in the referee's hands, and a closed one, in none.
 */

export function newRun(chunk: HubChunk, first: number, count: number): Run {
  const run: Run = {
    chunk,
    first,
    count,
    stage: 'open',
    copies: [],
    wanted: plannedCopies(chunk.job.verify),
    returned_ms: undefined,
    promised_ms: 0,
    straggles_ms: 0,
    timer: undefined,
    sample: [],
    uniform: false,
    queued: undefined,
    before: undefined,
    after: undefined,
    list: undefined,
  }
  chunk.runs.add(run)
  chunk.job.touched_count += count
  return run
}

/** The copies of a run from `offset`, `count` shards long. */
export function sliceCopies(copies: readonly Copy[], offset: number, count: number): readonly Copy[] {
  return copies.map((copy) => ({
    ...copy,
    digests: copy.digests?.subarray(32 * offset, 32 * (offset + count)),
    leaves: copy.leaves?.slice(offset, offset + count),
  }))
}

/**
 * Cuts the first `count` shards off a run that stands in no queue. Leases that hold it hold both parts then.
 * @returns the part cut off, in no queue either; `run` is the rest
 */
export function splitOff(state: HubState, run: Run, count: number): Run {
  invariant(count >= 1 && count < run.count && run.list === undefined, 'a part is smaller than its run')
  const part: Run = {
    ...run,
    count,
    copies: sliceCopies(run.copies, 0, count),
    timer: undefined,
    sample: [],
    queued: undefined,
  }
  run.copies = sliceCopies(run.copies, count, run.count - count)
  run.first += count
  run.count -= count
  run.sample = []
  part.chunk.runs.add(part)
  for (const copy of part.copies) {
    state.agents.get(copy.agent)?.runs.add(part)
    if (copy.digests === undefined) state.leases.get(copy.lease_id)?.runs.add(part)
  }
  if (part.returned_ms !== undefined) armTimer(state, part, part.returned_ms + HUB.second_owner_wait_ms)
  return part
}

/** Takes a run out of its queue. */
export function dequeue(run: Run): void {
  unlink(run)
  if (run.queued === undefined) return
  const { job } = run.chunk
  job.waiting_shards[run.queued.kinds] -= run.count
  job.missing_copies -= run.queued.missing
  run.queued = undefined
}

/** Puts a run into the queue that its stage and copies ask for. */
export function enqueue(state: HubState, run: Run): void {
  dequeue(run)
  const { job } = run.chunk
  switch (run.stage) {
    case 'open':
      if (run.copies.length >= run.wanted) {
        job.flying.push(run)
        return
      }
      enqueueWaiting(job, run)
      offerJob(state, job)
      wakeFor(state, job, run)
      return
    case 'audited':
      state.audits.push(run)
      return
    case 'disputed':
      state.disputes.push(run)
      return
    case 'refereed':
    case 'closed':
      return
    default:
      run.stage satisfies never
  }
}

function enqueueWaiting(job: HubJob, run: Run): void {
  const kinds = kindsOf(run)
  const missing = run.count * (run.wanted - run.copies.length)
  const [only, ...others] = run.copies
  invariant(only !== undefined, 'a run has a copy')
  const voices = others.length === 0 ? voicesOf(only) : run.copies.flatMap(voicesOf)
  job.waiting[kinds].push(voices, run)
  job.waiting_shards[kinds] += run.count
  job.missing_copies += missing
  run.queued = { kinds, missing }
}

function kindsOf(run: Run): KindMask {
  let kinds = 0
  for (const { executor } of run.copies) kinds |= kindOf(executor) === 'gpu' ? 2 : 1
  invariant(kinds !== 0, 'a run has a copy')
  return kinds as KindMask
}

/** Sets the run's timer anew. */
export function armTimer(state: HubState, run: Run, at_ms: number): void {
  run.timer?.cancel()
  run.timer = state.timers.set(at_ms, { t: 'run', run })
}

/** Forgets an open run: what is left of it stands elsewhere. */
export function removeRun(state: HubState, run: Run): void {
  const { chunk } = run
  dequeue(run)
  run.timer?.cancel()
  run.timer = undefined
  run.stage = runTransition(run.stage, 'closed')
  holdLeaves(run, -1)
  chunk.runs.delete(run)
  chunk.job.touched_count -= run.count
  for (const copy of run.copies) {
    forgetAgentRun(state, copy.agent, run)
    if (copy.digests === undefined) state.leases.get(copy.lease_id)?.runs.delete(run)
  }
}

/** Counts the leaves that a run keeps in memory for the copies that are to come. */
export function holdLeaves(run: Run, sign: 1 | -1): void {
  const { job } = run.chunk
  if (job.inline_leaves && run.copies.some(({ leaves }) => leaves !== undefined))
    job.pending_bytes += sign * run.count * job.leaf_max_bytes
}

function forgetAgentRun(state: HubState, id: string, run: Run): void {
  const agent = state.agents.get(id)
  if (agent === undefined) return
  agent.runs.delete(run)
  if (agent.runs.size === 0 && agent.sessions.size === 0) state.agents.delete(id)
}

/** Takes back the copies for which `drop` is true. A run without copies is untouched again. */
export function dropCopies(state: HubState, run: Run, drop: (copy: Copy) => boolean): void {
  const kept = run.copies.filter((copy) => !drop(copy))
  if (kept.length === run.copies.length) return
  holdLeaves(run, -1)
  for (const copy of run.copies) {
    if (kept.includes(copy)) continue
    if (!kept.some(({ agent }) => agent === copy.agent)) forgetAgentRun(state, copy.agent, run)
    if (copy.digests === undefined) state.leases.get(copy.lease_id)?.runs.delete(run)
  }
  const isJudged = run.copies.every((copy) => copy.digests === undefined || kept.includes(copy))
  const isStranded = run.list === state.disputes
  // A promise less changes nothing for a run that waits for its audit.
  if (run.stage !== 'audited' || !isJudged) dequeue(run)
  run.copies = kept
  holdLeaves(run, 1)
  if (run.stage === 'audited' && isJudged) return
  const isReturned = kept.some(({ digests }) => digests !== undefined)
  if (!isReturned) {
    run.returned_ms = undefined
    run.timer?.cancel()
    run.timer = undefined
  }
  // A dispute goes on as long as one of its copies is left; a sample is drawn anew when enough copies are back again.
  if (run.stage === 'audited' || !isReturned) {
    // One more than is left, so that somebody looks at it again.
    if (run.stage === 'audited') run.wanted = Math.max(run.wanted, kept.length + 1)
    run.stage = runTransition(run.stage, 'reopened')
    if (run.stage === 'open') run.sample = []
  }
  if (run.stage === 'open' && kept.length === 0) {
    const { chunk, first, count } = run
    removeRun(state, run)
    offerFresh(state, chunk, first, count)
    return
  }
  if (run.stage === 'open' && run.timer === undefined && run.returned_ms !== undefined)
    armTimer(state, run, run.returned_ms + HUB.second_owner_wait_ms)
  // What waits for the referee because no second owner came goes on waiting for it.
  if (isStranded && isReturned) state.disputes.push(run)
  else enqueue(state, run)
}
