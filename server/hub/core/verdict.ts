import type { AcceptedCopy, AcceptedRun, AcceptMethod } from '../../../kernel/acceptance.ts'
import { sameBytes } from '../../../kernel/digest.ts'
import { invariant } from '../../../kernel/errors.ts'
import type { Leaves } from '../../../kernel/leaves.ts'
import { noteHeld } from './back-pressure.ts'
import { blockAgent } from './blocking.ts'
import { judgeCanary, rememberKnown } from './canaries.ts'
import { markAccepted } from './chunks.ts'
import { drawsOf } from './draws.ts'
import type { Credit, HubEvent } from './events.ts'
import { recount } from './fleet.ts'
import { forgetLease, sayCancelled } from './leases.ts'
import { runTransition } from './lifecycle.ts'
import { HUB } from './limits.ts'
import { armTimer, dequeue, enqueue, holdLeaves, removeRun, splitOff } from './runs.ts'
import { measuredSpeed } from './speed.ts'
import { noteCheck, standingOf } from './standings.ts'
import type { Copy, HubJob, HubLease, Run } from './state.ts'
import { acceptedOf, type Turn } from './turn.ts'
import { verificationNeed } from './verification.ts'

/**
 * What becomes of a result. Copies of enough distinct owners that agree close a run; a disagreement waits for the
 * referee, whose word is final. Nothing here depends on the order in which results arrive.
 */

export function receiveResult(turn: Turn, event: HubEvent & { t: 'result.received' }): void {
  const lease = turn.state.leases.get(event.lease_id)
  if (lease === undefined || lease.session.id !== event.session) {
    turn.effects.push({ t: 'reply', outcome: 'not_held' })
    return
  }
  turn.effects.push({ t: 'reply', outcome: 'received' })
  measureSpeed(turn, lease)
  noteHeld(turn.state, lease)
  forgetLease(turn, lease)
  if (lease.canary !== undefined) judgeCanary(turn, lease, lease.canary, event)
  for (const run of [...lease.runs]) {
    fill(turn, run, lease, event.digests, event.leaves)
    judge(turn, run)
  }
}

/** Speed in work units a millisecond, over the time in which the agent had nothing older to do. */
function measureSpeed(turn: Turn, { session, job, count, granted_ms }: HubLease): void {
  const took_ms = turn.state.now_ms - Math.max(granted_ms, session.returned_ms)
  const speed = measuredSpeed(count * job.shard_units, took_ms)
  session.speed =
    session.speed_measured && session.speed !== undefined
      ? session.speed + HUB.speed_smoothing * (speed - session.speed)
      : speed
  session.speed_measured = true
  session.pace_share = Math.min(1, session.pace_share * 1.5)
  session.returned_ms = turn.state.now_ms
  recount(turn.state, session)
}

/** Fills in what a lease returned for a run: digests, and leaves where no earlier copy has them. */
function fill(turn: Turn, run: Run, lease: HubLease, digests: Uint8Array, leaves: Leaves): void {
  const offset = run.first - lease.first
  const isWhole = run.count === lease.count
  const isHeld = run.copies.some((copy) => copy.leaves !== undefined)
  const ownLeaves = isWhole ? leaves : leaves.slice(offset, offset + run.count)
  dequeue(run)
  holdLeaves(run, -1)
  run.copies = run.copies.map((copy) =>
    copy.lease_id === lease.id
      ? {
          ...copy,
          digests: isWhole ? digests : digests.subarray(32 * offset, 32 * (offset + run.count)),
          leaves: isHeld ? undefined : ownLeaves,
        }
      : copy,
  )
  holdLeaves(run, 1)
  if (run.returned_ms === undefined) run.returned_ms = turn.state.now_ms
}

/** Closes a run whose copies suffice, part by part where they differ; otherwise it waits for what it lacks. */
export function judge(turn: Turn, run: Run): void {
  const { state } = turn
  const returned = run.copies.filter((copy) => copy.digests !== undefined)
  if (run.stage === 'audited' && agreement(returned, run.count).some(({ agree }) => !agree)) {
    // A copy that was promised before the audit was drawn: no sample speaks for copies that differ.
    dispute(turn, run)
    return
  }
  if (run.stage !== 'open' || returned.length < run.wanted) {
    wait(turn, run)
    return
  }
  dequeue(run)
  const rest = run
  for (const { count, agree } of agreement(returned, run.count)) {
    const part = count < rest.count ? splitOff(state, rest, count) : rest
    if (agree) decide(turn, part)
    else dispute(turn, part)
    if (part === rest) return
  }
  invariant(rest === undefined, 'the parts of a run cover it')
}

function wait(turn: Turn, run: Run): void {
  if (run.timer === undefined && run.returned_ms !== undefined && run.stage === 'open')
    armTimer(turn.state, run, run.returned_ms + HUB.second_owner_wait_ms)
  enqueue(turn.state, run)
}

function dispute(turn: Turn, run: Run): void {
  run.stage = runTransition(run.stage, 'disagreed')
  enqueue(turn.state, run)
}

/** Asks the job's verification what a run needs whose returned copies agree. */
function decide(turn: Turn, run: Run): void {
  const { job } = run.chunk
  const copies = run.copies.filter((copy) => copy.digests !== undefined)
  const need = verificationNeed(
    job.verify,
    { first: run.first, count: run.count, copies },
    (copy) => standingOf(turn.state, copy),
    drawsOf(turn.state),
    turn.state.audits.size >= HUB.audits_waiting,
  )
  switch (need.t) {
    case 'accept':
      closeRun(turn, run, [{ offset: 0, count: run.count, method: need.method, copies }])
      return
    case 'copies':
      invariant(need.count > copies.length, 'a run asks for more copies than it has')
      run.wanted = need.count
      wait(turn, run)
      return
    case 'audit':
      run.stage = runTransition(run.stage, 'drawn')
      run.sample = need.sample
      run.uniform = need.uniform
      enqueue(turn.state, run)
      return
    case 'check':
      run.stage = runTransition(run.stage, 'drawn')
      run.sample = Array.from({ length: run.count }, (_, offset) => offset)
      run.uniform = false
      enqueue(turn.state, run)
      return
    default:
      need satisfies never
  }
}

/** Rows of neighbouring shards on which the copies agree, or do not. */
function agreement(copies: readonly Copy[], count: number): readonly { count: number; agree: boolean }[] {
  const [first, ...others] = copies
  if (first?.digests === undefined || others.every((copy) => equalShards(first, copy, 0, count)))
    return [{ count, agree: true }]
  const parts: { count: number; agree: boolean }[] = []
  for (let offset = 0; offset < count; offset++) {
    const agree = others.every((copy) => equalShards(first, copy, offset, 1))
    const last = parts.at(-1)
    if (last?.agree === agree) last.count++
    else parts.push({ count: 1, agree })
  }
  return parts
}

function equalShards(a: Copy, b: Copy, offset: number, count: number): boolean {
  if (a.digests === undefined || b.digests === undefined) return a.digests === b.digests
  return sameBytes(a.digests, 32 * offset, b.digests, 32 * offset, 32 * count)
}

/** A row of shards of a run that close alike, counted from the run's first. */
export interface ClosedPart {
  readonly offset: number
  readonly count: number
  readonly method: AcceptMethod
  /** Agents' copies whose digests are the accepted ones. */
  readonly copies: readonly Copy[]
  /** What the referee says, where it has executed the shards itself. */
  readonly referee?: { readonly digests: Uint8Array; readonly leaves: Leaves }
}

const NO_COPIES: readonly Copy[] = []
const REFEREE_COPY: AcceptedCopy = { agent: 'referee', owner: 'referee', executor: 'wasm' }

/** Accepts a run's shards for good, and ends the promises that nobody needs any more. */
export function closeRun(turn: Turn, run: Run, parts: readonly ClosedPart[]): void {
  const { chunk } = run
  const unneeded = run.copies.flatMap((copy) =>
    copy.digests === undefined ? (turn.state.leases.get(copy.lease_id) ?? []) : [],
  )
  removeRun(turn.state, run)
  markAccepted(chunk, run.first, run.count)
  chunk.job.unstored_count += run.count
  const accepted = acceptedOf(turn, chunk)
  rememberKnown(chunk.job, run, ...refereed(parts))
  let stored: StoredCopies | undefined
  for (const part of parts) {
    stored = storedCopies(part.copies, stored)
    accepted.runs.push(acceptedRun(chunk.job, run, part, stored))
    noteCheck(turn, chunk.job, part)
    for (const copy of part.copies) credit(accepted.credits, copy, part.count)
  }
  for (const lease of unneeded) {
    if (lease.runs.size > 0) continue
    forgetLease(turn, lease)
    sayCancelled(turn, lease, 'its shards are verified')
  }
  // It is as old as its lease: what it points to would not be collected before it is itself.
  run.copies = NO_COPIES
}

/** Places of a run that the referee has executed, and their digests. */
function refereed(parts: readonly ClosedPart[]): [places: readonly number[], digests: readonly Uint8Array[]] {
  const places: number[] = []
  const digests: Uint8Array[] = []
  for (const { offset, count, referee } of parts) {
    for (let at = 0; referee !== undefined && at < count; at++) {
      places.push(offset + at)
      digests.push(referee.digests.subarray(32 * at, 32 * at + 32))
    }
  }
  return [places, digests]
}

/** Copies as they are stored, without and with the referee's. */
interface StoredCopies {
  readonly of: readonly Copy[]
  readonly agents: readonly AcceptedCopy[]
  readonly refereed: readonly AcceptedCopy[]
}

/** Parts of a run share what they can: until they are durable they are most of what a hub holds. */
function storedCopies(copies: readonly Copy[], before: StoredCopies | undefined): StoredCopies {
  if (before?.of === copies) return before
  const agents = copies.map(({ agent, owner, executor }) => ({ agent, owner, executor }))
  return { of: copies, agents, refereed: [...agents, REFEREE_COPY] }
}

function acceptedRun(job: HubJob, run: Run, part: ClosedPart, stored: StoredCopies): AcceptedRun {
  const { offset, count, method, copies, referee } = part
  const isWhole = offset === 0 && count === run.count
  const given = copies[0]?.digests
  const digests =
    referee?.digests ??
    (isWhole ? given : given?.subarray(32 * offset, 32 * (offset + count))) ??
    new Uint8Array(0)
  const held = copies.find((copy) => copy.leaves !== undefined)?.leaves
  const leaves = referee?.leaves ?? (isWhole ? held : held?.slice(offset, offset + count)) ?? []
  invariant(digests.length === 32 * count, 'an accepted run has its digests')
  invariant(!job.inline_leaves || leaves.length === count, 'an accepted run of inline leaves has them')
  return {
    first: run.first + offset,
    count,
    method,
    digests,
    leaves,
    copies: referee === undefined ? stored.agents : stored.refereed,
  }
}

/** Sums accepted shards by lease. */
function credit(credits: Credit[], copy: Copy, shards: number): void {
  const known = credits.find(({ lease_id }) => lease_id === copy.lease_id)
  if (known !== undefined) known.shards += shards
  else {
    const { session, agent, owner, executor, lease_id } = copy
    credits.push({ session, agent, owner, executor, lease_id, shards })
  }
}

export function refuseResult(turn: Turn, session_id: string, lease_id: string, reason: string): void {
  const lease = turn.state.leases.get(lease_id)
  if (lease === undefined || lease.session.id !== session_id) {
    turn.effects.push({ t: 'reply', outcome: 'not_held' })
    return
  }
  turn.effects.push({ t: 'reply', outcome: 'received' })
  const { agent, executor } = lease.session
  blockAgent(turn, agent.id, reason, { session: session_id, lease_id, executor }, lease.job.id)
}
