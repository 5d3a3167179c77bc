import { sameBytes } from '../../../kernel/digest.ts'
import { invariant } from '../../../kernel/errors.ts'
import type { Leaves } from '../../../kernel/leaves.ts'
import { blockAgent } from './blocking.ts'
import type { HubEffect, HubEvent } from './events.ts'
import { someoneMay } from './fleet.ts'
import { runTransition } from './lifecycle.ts'
import { HUB } from './limits.ts'
import { armTimer, dequeue, enqueue, splitOff } from './runs.ts'
import type { Copy, HubJob, HubState, RefereeItem, Run } from './state.ts'
import { askAgain } from './suspects.ts'
import type { Turn } from './turn.ts'
import { type ClosedPart, closeRun } from './verdict.ts'
import { withhold } from './withheld.ts'

/**
 * The referee executes what agents cannot settle: disputes, and copies that no owner will give; and the samples that
 * verification draws. Its word is final: copies that agree with it count, an agent that does not is out. It has few
 * hands, so it is asked for as much at once as it does in a fraction of a second; what waits for it waits, and is never
 * accepted without it.
 */

/** Fills the referee's hands. Disputes go first: they block a job's end. */
export function askReferee(turn: Turn): void {
  const { state } = turn
  while (state.refereeing.size + state.rechecking.size < HUB.referee_in_flight) {
    if (state.disputes.first === undefined && askAgain(turn)) continue
    const job = (state.disputes.first ?? state.audits.first)?.chunk.job
    if (job === undefined) return
    const items = request(state, job)
    const number = state.next_request++
    state.refereeing.set(number, items)
    turn.effects.push(wish(number, job, items))
  }
}

/** Execution; where all of it is to be checked only, the check. */
function wish(request: number, job: HubJob, items: readonly RefereeItem[]): HubEffect {
  const shards = items.flatMap((item) => [...item.shards])
  if (job.verify.mode !== 'algebraic' || items.some(({ run }) => run.stage !== 'audited'))
    return { t: 'referee.run', request, job_id: job.id, shards }
  const digests = new Uint8Array(32 * shards.length)
  const leaves: Uint8Array[] = []
  let at = 0
  for (const { run } of items) {
    const copy = returnedCopies(run)[0]
    invariant(copy?.digests !== undefined, 'what is checked is back')
    digests.set(copy.digests, 32 * at)
    leaves.push(...(copy.leaves ?? []))
    at += run.count
  }
  return { t: 'referee.check', request, job_id: job.id, shards, digests, leaves }
}

const returnedCopies = (run: Run): readonly Copy[] => run.copies.filter((copy) => copy.digests !== undefined)

/** Work of one job for one request: from the head of the queues, as long as it is the same job's. */
function request(state: HubState, job: HubJob): readonly RefereeItem[] {
  let room = Math.max(
    1,
    Math.min(HUB.referee_shards, Math.floor(HUB.referee_units / Math.max(1, job.shard_units))),
  )
  const items: RefereeItem[] = []
  for (let run = state.disputes.first; run?.chunk.job === job && room > 0; run = state.disputes.first) {
    dequeue(run)
    let part = run
    if (run.count > room) {
      part = splitOff(state, run, room)
      enqueueDispute(state, run)
    }
    part.stage = runTransition(part.stage, 'asked')
    const { first, count, sample } = part
    items.push({ run: part, sample, shards: Array.from({ length: count }, (_, offset) => first + offset) })
    room -= part.count
  }
  // What is executed and what is only checked are different requests.
  if (job.verify.mode === 'algebraic' && items.length > 0) return items
  for (let run = state.audits.first; run?.chunk.job === job && room > 0; run = state.audits.first) {
    const { first, sample } = run
    dequeue(run)
    items.push({ run, sample, shards: sample.map((offset) => first + offset) })
    room -= sample.length
  }
  return items
}

/** A run to which nobody can give a copy waits for the referee whatever its stage. */
function enqueueDispute(state: HubState, run: Run): void {
  dequeue(run)
  state.disputes.push(run)
}

/** Looks after a run whose first copy came back long ago: will another come? */
export function lookAfter(turn: Turn, run: Run): void {
  const { state } = turn
  run.timer = undefined
  if (run.stage !== 'open' || run.returned_ms === undefined) return
  const { job } = run.chunk
  // While a job is paused nobody is asked for a copy: nobody is late.
  if (job.isPaused) {
    armTimer(state, run, state.now_ms + HUB.second_owner_again_ms)
    return
  }
  const waited_ms = state.now_ms - Math.max(run.returned_ms, job.resumed_ms)
  const isOverdue = waited_ms >= HUB.overdue_copy_ms
  const isPromised = run.copies.some(({ digests }) => digests === undefined)
  const isStranded = isOverdue || (!isPromised && !someoneMay(state, job, run))
  if (isStranded && run.list !== state.disputes) enqueueDispute(state, run)
  // Somebody has come who may: what the referee has not begun goes back to the agents.
  if (!isStranded && run.list === state.disputes) enqueue(state, run)
  armTimer(state, run, state.now_ms + HUB.second_owner_again_ms)
}

export function applyReferee(turn: Turn, event: HubEvent & { t: 'referee.done' }): void {
  const items = turn.state.refereeing.get(event.request)
  // The job has ended meanwhile.
  if (items === undefined) return
  turn.state.refereeing.delete(event.request)
  let at = 0
  for (const { run, shards, sample } of items) {
    const digests = event.digests.subarray(32 * at, 32 * (at + shards.length))
    const leaves = event.leaves.slice(at, at + shards.length)
    at += shards.length
    // A run may have been disputed while its sample was executed: only an answer for all of it closes it.
    if (run.stage === 'refereed') {
      const isAll = shards.length === run.count && shards.every((shard, place) => shard === run.first + place)
      if (isAll) closeByReferee(turn, run, digests, leaves)
    }
    // A run that has lost its copies meanwhile is judged anew, with another sample.
    else if (run.stage === 'audited' && run.sample === sample) applyAudit(turn, run, shards, digests, leaves)
  }
}

function closeByReferee(turn: Turn, run: Run, digests: Uint8Array, leaves: Leaves): void {
  const { chunk, first, copies } = run
  const parts: ClosedPart[] = []
  const wrong: { copy: Copy; shard: number }[] = []
  let right: readonly Copy[] = []
  let start = 0
  const close = (end: number): void => {
    if (end === start) return
    parts.push({
      offset: start,
      count: end - start,
      method: 'referee',
      copies: right,
      referee: { digests: digests.subarray(32 * start, 32 * end), leaves: leaves.slice(start, end) },
    })
    start = end
  }
  for (let offset = 0; offset < run.count; offset++) {
    const agreeing = copies.filter((copy) => says(copy, offset, digests, offset) === true)
    if (agreeing.length !== right.length || agreeing.some((copy, index) => copy !== right[index]))
      close(offset)
    right = agreeing
    for (const copy of copies)
      if (says(copy, offset, digests, offset) === false) wrong.push({ copy, shard: first + offset })
  }
  close(run.count)
  for (const copy of new Set(wrong.map((one) => one.copy))) withhold(turn, run, copy)
  closeRun(turn, run, parts)
  for (const { copy, shard } of wrong) contradict(turn, copy, chunk.job, shard)
}

/** Whether a copy has for the shard the digest that stands in `digests` at a place; undefined when it is not back. */
function says(copy: Copy, offset: number, digests: Uint8Array, place: number): boolean | undefined {
  return copy.digests === undefined
    ? undefined
    : sameBytes(copy.digests, 32 * offset, digests, 32 * place, 32)
}

function contradict(turn: Turn, copy: Copy, job: HubJob, shard: number): void {
  blockAgent(
    turn,
    copy.agent,
    `shard ${shard} of job ${job.id} differs from the referee's execution`,
    copy,
    job.id,
  )
}

/** A sample that is right lets its run close; one that is wrong ends the agents that gave it, and the run is done again. */
function applyAudit(
  turn: Turn,
  run: Run,
  shards: readonly number[],
  digests: Uint8Array,
  leaves: Leaves,
): void {
  const { job } = run.chunk
  const copies = run.copies.filter((copy) => copy.digests !== undefined)
  const wrong = copies.flatMap((copy) => {
    const shard = shards.find((candidate, at) => says(copy, candidate - run.first, digests, at) === false)
    return shard === undefined ? [] : [{ copy, shard }]
  })
  if (run.uniform) {
    const bad = shards.filter((shard, at) =>
      copies.some((copy) => says(copy, shard - run.first, digests, at) === false),
    ).length
    const { findings } = job
    job.findings = {
      ...findings,
      audits: findings.audits + shards.length,
      audits_bad: findings.audits_bad + bad,
    }
  }
  if (wrong.length === 0) {
    closeRun(turn, run, auditedParts(run, copies, shards, digests, leaves))
    return
  }
  // The copies of an agent that is out are taken back, this run's with them: what is left of it is judged again.
  for (const { copy, shard } of wrong) contradict(turn, copy, job, shard)
}

/** What passes its algebraic check closes; an agent with a wrong result is out, and its run is done again. */
export function applyChecks(turn: Turn, event: HubEvent & { t: 'referee.checked' }): void {
  const items = turn.state.refereeing.get(event.request)
  if (items === undefined) return
  turn.state.refereeing.delete(event.request)
  let at = 0
  for (const { run, shards, sample } of items) {
    const wrong = event.wrong.find((place) => place >= at && place < at + shards.length)
    const shard = wrong === undefined ? undefined : shards[wrong - at]
    at += shards.length
    if (run.stage !== 'audited' || run.sample !== sample) continue
    const copies = returnedCopies(run)
    if (shard === undefined)
      closeRun(turn, run, [{ offset: 0, count: run.count, method: 'algebraic', copies }])
    for (const copy of shard === undefined ? [] : copies) {
      const { job } = run.chunk
      const reason = `shard ${shard} of job ${job.id} fails its algebraic check`
      blockAgent(turn, copy.agent, reason, copy, job.id)
    }
  }
}

/** The sample closes by the referee's word, what lies between by its agents'. */
function auditedParts(
  run: Run,
  copies: readonly Copy[],
  shards: readonly number[],
  digests: Uint8Array,
  leaves: Leaves,
): readonly ClosedPart[] {
  const method = copies.length > 1 ? 'quorum' : 'single'
  const parts: ClosedPart[] = []
  let next = 0
  const between = (end: number): void => {
    if (end > next) parts.push({ offset: next, count: end - next, method, copies })
  }
  for (const [at, shard] of shards.entries()) {
    const offset = shard - run.first
    between(offset)
    const referee = {
      digests: digests.subarray(32 * at, 32 * at + 32),
      leaves: leaves.slice(at, at + 1),
    }
    parts.push({ offset, count: 1, method: 'referee', copies, referee })
    next = offset + 1
  }
  between(run.count)
  return parts
}
