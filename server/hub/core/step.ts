import type { AcceptedCopy, AcceptedShard, AcceptMethod } from '../../../kernel/acceptance.ts'
import { bytesEqual } from '../../../kernel/digest.ts'
import type { ForgeErrorJson } from '../../../kernel/errors.ts'
import { invariant } from '../../../kernel/errors.ts'
import type { HubMessage } from '../../../kernel/protocol.ts'
import { isFinal, type JobTrigger, transition } from './lifecycle.ts'
import { HUB } from './limits.ts'
import { chooseWork, leaseDuration, someoneMay } from './schedule.ts'
import { agrees, type Copy, openSegments, type Segment, SegmentList, slice } from './segments.ts'
import {
  type Credit,
  type HubEffect,
  type HubEvent,
  type HubJob,
  type HubLease,
  type HubSession,
  type HubState,
  isAccepted,
  type Step,
} from './state.ts'

/**
 * The hub's decisions, as a pure state machine: no clock, no randomness, no I/O. Time comes with each event as
 * milliseconds of a monotonic clock. The state handed in is used up: it is changed in place and handed back.
 *
 * Rules that hold after every step:
 * - each shard of a job is either accepted or in exactly one open segment;
 * - an accepted shard was closed by `copies_needed` agreeing owners or by the referee, never by arrival order;
 * - every copy that a lease promises belongs to a lease in `leases`, and every lease to a live session.
 */
export function step(state: HubState, event: HubEvent, now_ms: number): Step {
  invariant(now_ms >= state.now_ms, 'time does not run backwards')
  state.now_ms = now_ms
  const effects: HubEffect[] = []
  const core = new Core(state, effects)
  core.handle(event)
  core.assign()
  core.askReferee()
  return { state, effects }
}

class Core {
  readonly #state: HubState
  readonly #effects: HubEffect[]

  constructor(state: HubState, effects: HubEffect[]) {
    this.#state = state
    this.#effects = effects
  }

  handle(event: HubEvent): void {
    switch (event.t) {
      case 'job.admitted':
        this.#admit(event.job)
        return
      case 'job.cancelled':
        this.#end(event.job_id, 'cancelled')
        return
      case 'job.broken':
        this.#end(event.job_id, 'broken', event.failure)
        return
      case 'job.settled':
        this.#end(event.job_id, 'completed')
        return
      case 'session.joined':
        this.#join(event.session, event.claimed_speed)
        return
      case 'session.listening':
        this.#listen(event.session, event.after_lease)
        return
      case 'session.silent':
        this.#silence(event.session)
        return
      case 'lease.released':
        for (const id of event.lease_ids) {
          if (this.#state.leases.get(id)?.session === event.session) this.#dropLease(id)
        }
        return
      case 'result.received':
        this.#result(event)
        return
      case 'result.invalid':
        this.#invalid(event.session, event.lease_id, event.reason)
        return
      case 'referee.done':
        this.#refereed(event.job_id, event.shard, event.digest, event.leaf)
        return
      case 'committed':
        this.#committed(event.job_id, event.shard_count, event.credits)
        return
      case 'tick':
        this.#tick()
        return
      default:
        event satisfies never
    }
  }

  /** Gives every listening agent with room in its window the next lease, the emptiest hands first. */
  assign(): void {
    if (![...this.#state.jobs.values()].some((job) => !isFinal(job.phase) && job.segments.length > 0)) return
    const hungry = [...this.#state.sessions.values()].filter(
      (session) =>
        session.listening && session.held.size < session.window && !this.#state.blocked.has(session.agent),
    )
    for (
      let held = 0;
      hungry.some((session) => session.held.size <= held && session.held.size < session.window);
      held++
    ) {
      for (const session of hungry) {
        if (session.held.size === held && session.held.size < session.window) this.#lease(session)
      }
      if (held > 8) break
    }
  }

  /** Fills the referee's hands with shards that only it can close: disputes, and copies that no owner will give. */
  askReferee(): void {
    let busy = 0
    for (const job of this.#state.jobs.values()) busy += job.refereeing.size
    for (const job of this.#state.jobs.values()) {
      if (isFinal(job.phase)) continue
      for (const segment of job.segments.all) {
        if (busy >= HUB.referee_in_flight) return
        if (!segment.disputed && !this.#isStranded(job, segment)) continue
        for (
          let shard = segment.first;
          shard < segment.first + segment.count && busy < HUB.referee_in_flight;
          shard++
        ) {
          if (job.refereeing.has(shard)) continue
          job.refereeing.add(shard)
          busy++
          this.#effects.push({ t: 'referee.run', job_id: job.id, shard })
        }
      }
    }
  }

  /** All copies are back, more are needed, nobody connected may give them, and the wait is over. */
  #isStranded(job: HubJob, segment: Segment): boolean {
    return (
      segment.returned_ms !== undefined &&
      segment.copies.length < job.copies_needed &&
      segment.copies.every((copy) => copy.digests !== undefined) &&
      this.#state.now_ms - segment.returned_ms >= HUB.second_owner_wait_ms &&
      !someoneMay(this.#state, job, segment)
    )
  }

  #admit(admitted: (HubEvent & { t: 'job.admitted' })['job']): void {
    if (this.#state.jobs.has(admitted.id)) return
    const accepted = new Uint8Array(Math.ceil(admitted.shard_count / 8))
    for (const shard of admitted.accepted)
      accepted[shard >> 3] = (accepted[shard >> 3] ?? 0) | (1 << (shard & 7))
    const isSet = (shard: number) => ((accepted[shard >> 3] ?? 0) & (1 << (shard & 7))) !== 0
    const { accepted: list, phase, ...facts } = admitted
    const job: HubJob = {
      ...facts,
      phase,
      order: this.#state.next_order++,
      segments: new SegmentList(openSegments(admitted.shard_count, isSet)),
      accepted,
      accepted_count: list.length,
      durable_count: list.length,
      refereeing: new Set(),
      leases: 0,
    }
    this.#state.jobs.set(job.id, job)
    this.#completeIfDone(job)
  }

  #join(joined: (HubEvent & { t: 'session.joined' })['session'], claimed_speed: number | undefined): void {
    this.#state.sessions.set(joined.id, {
      ...joined,
      held: new Set(),
      speed: claimed_speed === undefined ? undefined : claimed_speed / 1000,
      speed_measured: false,
      listening: false,
      silent_since_ms: this.#state.now_ms,
      returned_ms: this.#state.now_ms,
    })
  }

  #listen(id: string, after_lease: number): void {
    const session = this.#state.sessions.get(id)
    if (session === undefined) return
    session.listening = true
    for (const lease_id of session.held) {
      const lease = this.#state.leases.get(lease_id)
      if (lease !== undefined && leaseNumber(lease.id) > after_lease) this.#offer(lease)
    }
  }

  #silence(id: string): void {
    const session = this.#state.sessions.get(id)
    if (session === undefined) return
    session.listening = false
    session.silent_since_ms = this.#state.now_ms
  }

  #lease(session: HubSession): void {
    const choice = chooseWork(this.#state, session)
    if (choice === undefined) return
    const { job } = choice
    const number = this.#state.next_lease++
    const id = `${this.#state.epoch}-${number}`
    const leased = job.segments.lease(choice.index, choice.count, {
      lease_id: id,
      session: session.id,
      agent: session.agent,
      owner: session.owner,
      executor: session.executor,
      digests: undefined,
      leaves: undefined,
    })
    const lease: HubLease = {
      id,
      job_id: job.id,
      session: session.id,
      first: leased.first,
      count: leased.count,
      granted_ms: this.#state.now_ms,
      deadline_ms: this.#state.now_ms + leaseDuration(job, session, leased.count),
    }
    this.#state.leases.set(id, lease)
    session.held.add(id)
    job.leases++
    this.#move(job, 'leased')
    this.#updatePhase(job)
    this.#offer(lease)
  }

  #offer(lease: HubLease): void {
    const job = this.#state.jobs.get(lease.job_id)
    if (job === undefined) return
    this.#send(lease.session, {
      t: 'lease',
      lease_id: lease.id,
      epoch: this.#state.epoch,
      contract_hash: job.contract_hash,
      plan_digest: job.plan_digest,
      first: lease.first,
      count: lease.count,
      deadline_ms: Math.max(0, Math.floor(lease.deadline_ms - this.#state.now_ms)),
    })
  }

  #result(event: HubEvent & { t: 'result.received' }): void {
    const lease = this.#state.leases.get(event.lease_id)
    const session = this.#state.sessions.get(event.session)
    if (lease === undefined || session === undefined || lease.session !== session.id) {
      this.#effects.push({ t: 'reply', outcome: 'not_held' })
      return
    }
    const job = this.#state.jobs.get(lease.job_id)
    invariant(job !== undefined, 'a lease belongs to a live job')
    this.#effects.push({ t: 'reply', outcome: 'received' })
    this.#measure(session, lease, job)
    this.#forgetLease(lease, job)
    job.segments.fill(lease.id, lease.first, event.digests, event.leaves, this.#state.now_ms)
    this.#closeAgreed(job)
  }

  /** Speed in work units a millisecond, over the time in which the agent had nothing older to do. */
  #measure(session: HubSession, lease: HubLease, job: HubJob): void {
    const took_ms = Math.max(1, this.#state.now_ms - Math.max(lease.granted_ms, session.returned_ms))
    const speed = (lease.count * job.shard_units) / took_ms
    session.speed =
      session.speed_measured && session.speed !== undefined
        ? session.speed + HUB.speed_smoothing * (speed - session.speed)
        : speed
    session.speed_measured = true
    session.returned_ms = this.#state.now_ms
  }

  /** Accepts what enough owners agree on; what they do not agree on is marked for the referee. */
  #closeAgreed(job: HubJob): void {
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
            this.#acceptCopies(job, segment, offset, job.copies_needed === 1 ? 'single' : 'quorum', credits),
          )
        } else disputes.push({ ...slice(segment, offset, 1), disputed: true })
      }
      job.segments.replace(index, disputes)
    }
    this.#persist(job, accepted, credits)
  }

  #acceptCopies(
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
    this.#mark(job, shard)
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
  #refereed(job_id: string, shard: number, digest: Uint8Array, leaf: Uint8Array): void {
    const job = this.#state.jobs.get(job_id)
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
    this.#mark(job, shard)
    const referee: AcceptedCopy = { agent: 'referee', owner: 'referee', executor: 'cpu' }
    this.#persist(
      job,
      [{ shard, method: 'referee', digest, leaf, copies: [...right.map(acceptedCopy), referee] }],
      credits,
    )
    for (const copy of wrong)
      this.#block(copy.agent, `shard ${shard} of job ${job.id} differs from the referee's execution`, copy)
  }

  #mark(job: HubJob, shard: number): void {
    job.accepted[shard >> 3] = (job.accepted[shard >> 3] ?? 0) | (1 << (shard & 7))
    job.accepted_count++
  }

  #persist(job: HubJob, shards: readonly AcceptedShard[], credits: CreditList): void {
    if (shards.length > 0)
      this.#effects.push({ t: 'persist', job_id: job.id, shards, credits: credits.list() })
    this.#updatePhase(job)
  }

  #invalid(session_id: string, lease_id: string, reason: string): void {
    const session = this.#state.sessions.get(session_id)
    const lease = this.#state.leases.get(lease_id)
    if (session === undefined || lease === undefined || lease.session !== session_id) {
      this.#effects.push({ t: 'reply', outcome: 'not_held' })
      return
    }
    this.#effects.push({ t: 'reply', outcome: 'received' })
    this.#block(session.agent, reason, { session: session_id, lease_id })
  }

  /** Ends an agent's part in this hub's life: its unaccepted copies are taken back and done again by others. */
  #block(agent: string, reason: string, where: Pick<Copy, 'session' | 'lease_id'>): void {
    if (this.#state.blocked.has(agent)) return
    this.#state.blocked.set(agent, reason)
    if (this.#state.sessions.has(where.session))
      this.#send(where.session, { t: 'rejected', lease_id: where.lease_id, reason: reason.slice(0, 200) })
    for (const lease of [...this.#state.leases.values()]) {
      if (this.#state.sessions.get(lease.session)?.agent === agent) this.#dropLease(lease.id)
    }
    for (const job of this.#state.jobs.values()) {
      job.segments.dropCopies((copy) => copy.agent === agent)
      this.#updatePhase(job)
    }
    for (const session of this.#state.sessions.values()) {
      if (session.agent === agent) this.#effects.push({ t: 'session.dropped', session: session.id, reason })
    }
  }

  #committed(job_id: string, shard_count: number, credits: readonly Credit[]): void {
    for (const credit of credits) {
      if (this.#state.sessions.has(credit.session))
        this.#send(credit.session, { t: 'accepted', lease_id: credit.lease_id, shards: credit.shards })
    }
    const job = this.#state.jobs.get(job_id)
    if (job === undefined) return
    job.durable_count += shard_count
    this.#completeIfDone(job)
  }

  #completeIfDone(job: HubJob): void {
    invariant(
      job.durable_count <= job.accepted_count && job.accepted_count <= job.shard_count,
      'no shard is accepted twice',
    )
    if (job.durable_count === job.shard_count && !isFinal(job.phase))
      this.#effects.push({ t: 'job.complete', job_id: job.id })
  }

  #tick(): void {
    const { now_ms } = this.#state
    for (const lease of [...this.#state.leases.values()]) {
      if (now_ms < lease.deadline_ms) continue
      const session = this.#state.sessions.get(lease.session)
      if (session?.speed !== undefined) session.speed /= 2
      this.#dropLease(lease.id)
      this.#send(lease.session, { t: 'cancel', lease_id: lease.id, reason: 'the deadline has passed' })
    }
    for (const session of [...this.#state.sessions.values()]) {
      if (session.listening || now_ms - session.silent_since_ms < HUB.resume_grace_ms) continue
      for (const id of [...session.held]) this.#dropLease(id)
      this.#state.sessions.delete(session.id)
      this.#effects.push({ t: 'session.dropped', session: session.id, reason: 'the connection was lost' })
    }
    for (const job of [...this.#state.jobs.values()]) {
      if (now_ms >= job.expires_ms) this.#end(job.id, 'timed_out')
    }
  }

  /** Moves a job into a final phase, stops its leases and forgets it. */
  #end(job_id: string, trigger: JobTrigger, failure?: ForgeErrorJson): void {
    const job = this.#state.jobs.get(job_id)
    if (job === undefined) return
    this.#move(job, trigger, failure)
    if (!isFinal(job.phase)) return
    for (const lease of [...this.#state.leases.values()]) {
      if (lease.job_id !== job_id) continue
      this.#forgetLease(lease, job)
      this.#send(lease.session, { t: 'cancel', lease_id: lease.id, reason: `the job is ${job.phase}` })
    }
    this.#state.jobs.delete(job_id)
  }

  #dropLease(id: string): void {
    const lease = this.#state.leases.get(id)
    if (lease === undefined) return
    const job = this.#state.jobs.get(lease.job_id)
    invariant(job !== undefined, 'a lease belongs to a live job')
    this.#forgetLease(lease, job)
    job.segments.dropCopies((copy) => copy.lease_id === id)
    this.#updatePhase(job)
  }

  #forgetLease(lease: HubLease, job: HubJob): void {
    this.#state.leases.delete(lease.id)
    this.#state.sessions.get(lease.session)?.held.delete(lease.id)
    job.leases--
  }

  #updatePhase(job: HubJob): void {
    const untouched = job.segments.all.some((segment) => segment.copies.length === 0)
    this.#move(job, untouched ? 'untouched_again' : 'all_touched')
  }

  #move(job: HubJob, trigger: JobTrigger, failure?: ForgeErrorJson): void {
    const phase = transition(job.phase, trigger)
    if (phase === job.phase) return
    job.phase = phase
    this.#effects.push({
      t: 'job.phase',
      job_id: job.id,
      phase,
      ...(failure === undefined ? {} : { failure }),
    })
  }

  #send(session: string, message: HubMessage): void {
    // Leases carry their own number, everything else the newest: a resumed agent names the last it saw, and gets
    // exactly the leases that it has not seen.
    const seq = message.t === 'lease' ? leaseNumber(message.lease_id) : this.#state.next_lease - 1
    this.#effects.push({ t: 'send', session, seq, message })
  }
}

/** Sums accepted shards by lease. */
class CreditList {
  readonly #byLease = new Map<string, Credit>()

  add(copy: Pick<Copy, 'session' | 'agent' | 'lease_id'>): void {
    const shards = (this.#byLease.get(copy.lease_id)?.shards ?? 0) + 1
    this.#byLease.set(copy.lease_id, {
      session: copy.session,
      agent: copy.agent,
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

function leaseNumber(lease_id: string): number {
  return Number(lease_id.slice(lease_id.indexOf('-') + 1))
}
