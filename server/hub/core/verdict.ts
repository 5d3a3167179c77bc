import type { AcceptedCopy, AcceptedShard, AcceptMethod } from '../../../kernel/acceptance.ts'
import { REFEREE } from '../../../kernel/bill.ts'
import { bytesEqual } from '../../../kernel/digest.ts'
import { invariant } from '../../../kernel/errors.ts'
import { isFinal } from './lifecycle.ts'
import { HUB } from './limits.ts'
import { agrees, type Copy, type Segment, slice } from './segments.ts'
import {
  type Credit,
  type HubEvent,
  type HubJob,
  type HubLease,
  type HubSession,
  isAccepted,
} from './state.ts'
import { dropLease, forgetLease, sendTo, type Turn, updatePhase } from './turn.ts'

/**
 * What becomes of a result. Copies of enough distinct owners that agree close a shard; a disagreement waits for the
 * referee, whose word is final. Nothing here depends on the order in which results arrive.
 */

export function receiveResult(turn: Turn, event: HubEvent & { t: 'result.received' }): void {
  const lease = turn.state.leases.get(event.lease_id)
  const session = turn.state.sessions.get(event.session)
  if (lease === undefined || session === undefined || lease.session !== session.id) {
    turn.effects.push({ t: 'reply', outcome: 'not_held' })
    return
  }
  const job = turn.state.jobs.get(lease.job_id)
  invariant(job !== undefined, 'a lease belongs to a live job')
  turn.effects.push({ t: 'reply', outcome: 'received' })
  measureSpeed(turn, session, lease, job)
  forgetLease(turn, lease, job)
  job.segments.fill(lease.id, lease.first, event.digests, event.leaves, turn.state.now_ms)
  closeAgreed(turn, job)
}

/** Speed in work units a millisecond, over the time in which the agent had nothing older to do. */
function measureSpeed(turn: Turn, session: HubSession, lease: HubLease, job: HubJob): void {
  const took_ms = Math.max(1, turn.state.now_ms - Math.max(lease.granted_ms, session.returned_ms))
  const speed = (lease.count * job.shard_units) / took_ms
  session.speed =
    session.speed_measured && session.speed !== undefined
      ? session.speed + HUB.speed_smoothing * (speed - session.speed)
      : speed
  session.speed_measured = true
  session.returned_ms = turn.state.now_ms
}

/** Accepts what enough owners agree on; what they do not agree on is marked for the referee. */
function closeAgreed(turn: Turn, job: HubJob): void {
  const accepted: AcceptedShard[] = []
  const credits = new CreditList()
  for (let index = job.segments.length - 1; index >= 0; index--) {
    const segment = job.segments.all[index]
    if (segment === undefined || segment.disputed || segment.copies.length < job.copies_needed) continue
    if (segment.copies.some((copy) => copy.digests === undefined)) continue
    const disputes: Segment[] = []
    for (let offset = 0; offset < segment.count; offset++) {
      if (agrees(segment, offset)) {
        accepted.push(
          acceptCopies(job, segment, offset, job.copies_needed === 1 ? 'single' : 'quorum', credits),
        )
      } else disputes.push({ ...slice(segment, offset, 1), disputed: true })
    }
    job.segments.replace(index, disputes)
  }
  persistAccepted(turn, job, accepted, credits)
}

function acceptCopies(
  job: HubJob,
  segment: Segment,
  offset: number,
  method: AcceptMethod,
  credits: CreditList,
): AcceptedShard {
  const shard = segment.first + offset
  const digest = segment.copies[0]?.digests?.slice(32 * offset, 32 * offset + 32)
  invariant(digest !== undefined && !isAccepted(job, shard), 'a shard is accepted once')
  const leaf = segment.copies.find((copy) => copy.leaves !== undefined)?.leaves?.[offset]
  invariant(leaf !== undefined || !job.inline_leaves, 'an accepted inline shard has its leaf')
  markAccepted(job, shard)
  for (const copy of segment.copies) credits.add(copy)
  return {
    shard,
    method,
    digest,
    leaf: leaf ?? new Uint8Array(0),
    copies: segment.copies.map(acceptedCopy),
  }
}

/** The referee's word is final: copies that agree with it count, an agent that does not is out. */
export function applyReferee(
  turn: Turn,
  job_id: string,
  shard: number,
  digest: Uint8Array,
  leaf: Uint8Array,
): void {
  const job = turn.state.jobs.get(job_id)
  if (job === undefined || isFinal(job.phase)) return
  job.refereeing.delete(shard)
  const index = job.segments.all.findIndex(
    (segment) => shard >= segment.first && shard < segment.first + segment.count,
  )
  const segment = job.segments.all[index]
  if (segment === undefined) return
  const offset = shard - segment.first
  const before = offset > 0 ? [slice(segment, 0, offset)] : []
  const after = offset + 1 < segment.count ? [slice(segment, offset + 1, segment.count - offset - 1)] : []
  job.segments.replace(index, [...before, ...after])
  const one = slice(segment, offset, 1)
  const right = one.copies.filter((copy) => copy.digests !== undefined && bytesEqual(copy.digests, digest))
  const wrong = one.copies.filter((copy) => copy.digests !== undefined && !bytesEqual(copy.digests, digest))
  const credits = new CreditList()
  for (const copy of right) credits.add(copy)
  markAccepted(job, shard)
  const referee: AcceptedCopy = { agent: REFEREE, owner: REFEREE, executor: 'wasm' }
  persistAccepted(
    turn,
    job,
    [{ shard, method: 'referee', digest, leaf, copies: [...right.map(acceptedCopy), referee] }],
    credits,
  )
  for (const copy of wrong)
    blockAgent(turn, copy.agent, `shard ${shard} of job ${job.id} differs from the referee's execution`, copy)
}

function markAccepted(job: HubJob, shard: number): void {
  job.accepted[shard >> 3] = (job.accepted[shard >> 3] ?? 0) | (1 << (shard & 7))
  job.accepted_count++
}

function persistAccepted(
  turn: Turn,
  job: HubJob,
  shards: readonly AcceptedShard[],
  credits: CreditList,
): void {
  if (shards.length > 0) {
    turn.effects.push({
      t: 'persist',
      job_id: job.id,
      submitter: job.owner,
      copies_needed: job.copies_needed,
      shards,
      credits: credits.list(),
    })
  }
  updatePhase(turn, job)
}

export function refuseResult(turn: Turn, session_id: string, lease_id: string, reason: string): void {
  const session = turn.state.sessions.get(session_id)
  const lease = turn.state.leases.get(lease_id)
  if (session === undefined || lease === undefined || lease.session !== session_id) {
    turn.effects.push({ t: 'reply', outcome: 'not_held' })
    return
  }
  turn.effects.push({ t: 'reply', outcome: 'received' })
  blockAgent(turn, session.agent, reason, { session: session_id, lease_id })
}

/** Ends an agent's part in this hub's life: its unaccepted copies are taken back and done again by others. */
function blockAgent(
  turn: Turn,
  agent: string,
  reason: string,
  where: Pick<Copy, 'session' | 'lease_id'>,
): void {
  if (turn.state.blocked.has(agent)) return
  turn.state.blocked.set(agent, reason)
  if (turn.state.sessions.has(where.session))
    sendTo(turn, where.session, { t: 'rejected', lease_id: where.lease_id, reason: reason.slice(0, 200) })
  for (const lease of [...turn.state.leases.values()]) {
    if (turn.state.sessions.get(lease.session)?.agent === agent) dropLease(turn, lease.id)
  }
  for (const job of turn.state.jobs.values()) {
    job.segments.dropCopies((copy) => copy.agent === agent)
    updatePhase(turn, job)
  }
  for (const session of turn.state.sessions.values()) {
    if (session.agent === agent) turn.effects.push({ t: 'session.dropped', session: session.id, reason })
  }
}

/** Sums accepted shards by lease. */
class CreditList {
  readonly #byLease = new Map<string, Credit>()

  add(copy: Pick<Copy, 'session' | 'agent' | 'owner' | 'executor' | 'lease_id'>): void {
    const shards = (this.#byLease.get(copy.lease_id)?.shards ?? 0) + 1
    this.#byLease.set(copy.lease_id, {
      session: copy.session,
      agent: copy.agent,
      owner: copy.owner,
      executor: copy.executor,
      lease_id: copy.lease_id,
      shards,
    })
  }

  list(): readonly Credit[] {
    return [...this.#byLease.values()]
  }
}

function acceptedCopy(copy: Copy): AcceptedCopy {
  return { agent: copy.agent, owner: copy.owner, executor: copy.executor }
}
