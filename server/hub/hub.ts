import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type AgentView,
  type JobPriority,
  type JobRoom,
  type JobState,
  type JobWaiting,
  type NetworkView,
  PRIORITY_WEIGHTS,
  type ProgressView,
} from '../../kernel/api.ts'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import { bytesToHex, sha256 } from '../../kernel/digest.ts'
import { ForgeError, type ForgeErrorJson } from '../../kernel/errors.ts'
import { LIMITS } from '../../kernel/limits.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import type {
  EnrolInput,
  EnrolOutput,
  ReleaseInput,
  ResultInput,
  ResultOutput,
} from '../../kernel/protocol.ts'
import type { LiveStanding } from '../../kernel/verification/reputation.ts'
import type { JobRow } from '../memory/ports.ts'
import { AgentTotals } from './agent-totals.ts'
import { ChunkDesk } from './chunk-desk.ts'
import { joinRanges, type ShardRange } from './chunk-queue.ts'
import { chunkShards } from './chunk-size.ts'
import type { ClusterDesk } from './cluster-desk.ts'
import { CommitQueue, type PendingCommit } from './commit-queue.ts'
import type { HubEffect, HubEvent } from './core/events.ts'
import { connectedFor, waitingFor } from './core/fleet.ts'
import { type HubJob, type HubState, initialState } from './core/state.ts'
import { step } from './core/step.ts'
import { Finisher } from './finisher.ts'
import { checkResult } from './intake.ts'
import { admittedJob, JobRuntime, type SingleRun, singlesOf, sortSingles } from './job-runtime.ts'
import { JobWriter, type StoredEnd } from './job-writer.ts'
import { joinCluster } from './join-cluster.ts'
import { LeaseSigners } from './lease-signer.ts'
import type { HubOptions } from './options.ts'
import type { Listener } from './outbox.ts'
import { Portions } from './portions.ts'
import { failureOf, RefereeDesk } from './referee-desk.ts'
import { type SessionConnection, SessionTable } from './session-table.ts'
import { takeOver } from './succession.ts'
import { Tally } from './tally.ts'
import type { HubFigures } from './tap.ts'
import { TrustDesk } from './trust-desk.ts'
import { WaitingWatch } from './waiting-watch.ts'

/**
 * The hub's shell: it owns the clock, the sockets' queues, storage and the referee, and turns them into events of the
 * pure core and the core's effects into deeds. Every decision is in `core/`.
 */

const TICK_MS = 250
const DRAIN_LOOK_MS = 50
/** Ticks after which the others are told for which jobs there are agents here. */
const TELL_TICKS = 4

/** Whether a job, or its agents, may wait for what it has accepted to be durable: its end, or its next look. */
function isAwaited(job: HubJob | undefined): boolean {
  return job === undefined || job.look_ends.length > 0 || job.touched_count + job.fresh_count === 0
}

export class Hub {
  readonly epoch: number
  readonly #options: HubOptions
  readonly #now: () => number
  readonly #state: HubState
  readonly #sessions = new SessionTable()
  readonly #runtimes = new Map<string, JobRuntime>()
  readonly #contracts = new Map<string, string>()
  readonly #admitting = new Map<string, Promise<void>>()
  readonly #commits: CommitQueue
  readonly #writer: JobWriter
  readonly #chunks: ChunkDesk
  readonly #totals: AgentTotals
  readonly #trust: TrustDesk
  readonly #refereeing: RefereeDesk
  readonly #finisher: Finisher
  readonly #cluster: ClusterDesk | undefined
  /** Jobs whose figures have changed here, and those of which another hub has told something. */
  readonly #dirty = new Set<string>()
  readonly #retold = new Set<string>()
  /** Agents here for each job, up to as many as it waits for, when the others were told. */
  readonly #connected = new Map<string, number>()
  /** Jobs that another hub has ended. */
  readonly #lettingGo = new Set<string>()
  #ticks = 0
  readonly #waitings = new WaitingWatch()
  readonly #tally: Tally
  readonly #signers = new LeaseSigners()
  #timer: ReturnType<typeof setInterval> | undefined
  #closed = false

  private constructor(epoch: number, options: HubOptions, tally: Tally) {
    this.epoch = epoch
    this.#options = options
    this.#now = options.now_ms ?? (() => performance.now())
    const key = randomBytes(8)
    this.#state = initialState(epoch, {
      draw_key: [key.readUInt32LE(0), key.readUInt32LE(4)],
      lease_shards: options.leaseShards ?? LIMITS.lease_shards,
    })
    this.#tally = tally
    this.#writer = new JobWriter(options.jobs, options.log)
    this.#chunks = new ChunkDesk(
      options.chunks(epoch),
      (event) => this.#apply(event),
      (jobId) => this.#inherit(jobId),
      (jobId) => this.#cluster?.mayFinish(jobId, this.#now()) ?? true,
      options.log,
    )
    this.#totals = new AgentTotals(options.agents, (error) =>
      options.log('warn', 'totals of agents could not be stored', { error: String(error) }),
    )
    this.#trust = new TrustDesk(options.trust, (error) =>
      options.log('error', 'the reputation of agents could not be stored', { error: String(error) }),
    )
    this.#commits = new CommitQueue({
      store: options.results,
      epoch,
      committed: (commits) => this.#committed(commits),
      lost: (commits) => this.#lost(commits),
      fenced: (error) => this.#fenced(error),
      failed: (error, attempt) =>
        options.log('error', 'a commit failed and is repeated', { attempt, error: String(error) }),
    })
    this.#refereeing = new RefereeDesk({
      ...options,
      commits: this.#commits,
      tell: (event) => {
        if (!this.#closed) this.#apply(event)
      },
      submitterOf: (jobId) => this.#state.jobs.get(jobId)?.owner,
      backlog: () => this.#state.audits.size + this.#state.disputes.size,
      findings: () => this.#trust.flush(),
    })
    this.#finisher = new Finisher({
      ...options,
      tell: (event) => void this.#apply(event),
      write: (jobId, write) => this.#writer.write(jobId, write),
      durable: () => this.#durable(),
      findings: () => this.#trust.flush(),
      settled: (jobId) => {
        this.#tally.settled()
        this.#apply({ t: 'job.settled', job_id: jobId })
        this.#announceEnd(jobId, 'settled')
      },
    })
    this.#cluster = this.#join()
  }

  /** Joins the store under a new epoch and goes on with every job that is unfinished. */
  static async start(options: HubOptions): Promise<Hub> {
    const epoch = await options.results.openEpoch()
    const counts = await options.jobs.counts()
    const hub = new Hub(epoch, options, new Tally(counts))
    await hub.#cluster?.poll()
    for (const row of await options.jobs.unfinished()) await hub.admit(row)
    hub.#timer = setInterval(() => hub.#tick(), TICK_MS)
    hub.#timer.unref()
    return hub
  }

  /**
   * Gives no more leases, and waits until what agents have is answered and what was accepted is durable: nobody's work is
   * thrown away by a restart.
   * @param limit_ms waits no longer
   */
  async drain(limit_ms: number, signal: AbortSignal): Promise<void> {
    this.#apply({ t: 'hub.draining' })
    const until_ms = this.#now() + limit_ms
    while (!this.#closed && !signal.aborted && this.#now() < until_ms) {
      if (this.#state.leases.size === 0 && this.#commits.waiting === 0) return
      await delay(DRAIN_LOOK_MS, undefined, { signal }).catch(() => {})
    }
  }

  /** Stops taking part: what was accepted becomes durable, everything else is forgotten and done again later. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    this.#sessions.closeAll()
    this.#chunks.stop()
    this.#finisher.close()
    await this.#commits.close()
    await this.#chunks.close()
    await this.#totals.flush()
    await this.#trust.flush()
    await this.#cluster?.close()
    await this.#writer.close()
    await this.#options.referee.close()
  }

  // Jobs

  /**
   * Takes a stored job. Shards that are durable are folded and not executed again.
   * A job that cannot be prepared any more fails with its reason.
   */
  async admit(row: JobRow): Promise<void> {
    if (this.#runtimes.has(row.id)) return
    await this.#take(row)
    this.#cluster?.tell({ t: 'job.new', job_id: row.id })
  }

  async #take(row: JobRow): Promise<void> {
    if (this.#runtimes.has(row.id)) return
    const admission = this.#admit(row)
    this.#admitting.set(row.id, admission)
    try {
      await admission
    } finally {
      this.#admitting.delete(row.id)
    }
  }

  async #admit(row: JobRow): Promise<void> {
    try {
      const job = (this.#options.ops ?? OPS).prepare(parseJsonStrict(row.canonical))
      const runtime = new JobRuntime(row, job, this.#options.blobs, this.epoch)
      this.#runtimes.set(row.id, runtime)
      this.#contracts.set(job.contractHash, job.canonical)
      const accepted: ShardRange[] = []
      const singles: SingleRun[] = []
      await runtime.collect(
        (wants) => this.#options.results.load(row.id, wants),
        ({ runs }) => {
          for (const run of runs) {
            accepted.push([run.first, run.count])
            singles.push(...singlesOf(run))
          }
        },
      )
      if (row.state === 'submitted') this.#writer.storePhase(row.id, 'planned')
      const { shard_count } = job.plan
      const published = {
        job_id: row.id,
        shard_count,
        chunk_shards: this.#options.chunkShards ?? chunkShards(job),
      }
      const { drained } = await this.#chunks.publish({ ...published, accepted: joinRanges(accepted) })
      const words = await sortSingles(this.#options.trust, row, singles)
      this.#apply({ t: 'job.admitted', job: admittedJob(row, job, words, runtime.looked(), this.#now()) })
      if (drained) this.#apply({ t: 'job.drained', job_id: row.id })
      this.#dirty.add(row.id)
      if (accepted.length > 0)
        this.#options.log('info', 'a job goes on after a restart', {
          job: row.id,
          accepted: runtime.folded,
          shards: shard_count,
        })
    } catch (error) {
      this.#runtimes.delete(row.id)
      // A store that does not answer says nothing about the job: it is admitted when the hub starts again.
      if (!(error instanceof ForgeError)) throw error
      this.#options.log('error', 'a job cannot be admitted', { job: row.id, error: String(error) })
      this.#storeEnd(row.id, 'failed', failureOf(error))
    }
  }

  /** @returns false when the job is not running here */
  async cancel(jobId: string): Promise<boolean> {
    await this.#admitting.get(jobId)?.catch(() => {})
    if (!this.#runtimes.has(jobId)) return false
    // A job whose end is being stored has left the core: it only remains to wait.
    if (this.#state.jobs.has(jobId)) this.#apply({ t: 'job.cancelled', job_id: jobId })
    await this.#writer.idle(jobId)
    return true
  }

  /** Its owner wants no new leases of it, or wants them again. The store knows it already. */
  pause(jobId: string, isPaused: boolean): void {
    this.#apply({ t: isPaused ? 'job.paused' : 'job.resumed', job_id: jobId })
    this.#cluster?.tell({ t: 'news' })
    this.#dirty.add(jobId)
  }

  prioritise(jobId: string, priority: JobPriority): void {
    this.#apply({ t: 'job.weighed', job_id: jobId, weight: PRIORITY_WEIGHTS[priority] })
    this.#cluster?.tell({ t: 'news' })
  }

  /** Why no agent works for a running job now; undefined when one does, or it is not running here. */
  waiting(jobId: string): JobWaiting | undefined {
    const job = this.#state.jobs.get(jobId)
    return job === undefined ? undefined : waitingFor(this.#state, job)
  }

  /** A guest has become an account: his jobs are the account's, whose own agents no longer count towards them. */
  ownerMoved(from: string, to: string): void {
    this.#apply({ t: 'owner.moved', from, to })
    this.#cluster?.tell({ t: 'news' })
  }

  progress(jobId: string): ProgressView | undefined {
    return this.#runtimes.get(jobId)?.progress(this.#state.jobs.get(jobId))
  }

  /** What watchers of the job see now; undefined when it is not running here. */
  room(jobId: string): JobRoom | undefined {
    const job = this.#state.jobs.get(jobId)
    return job === undefined
      ? undefined
      : this.#runtimes.get(jobId)?.room(job.phase, job, this.waiting(jobId))
  }

  // Agents

  /** @throws ForgeError FORBIDDEN for a revoked key or an executor in quarantine, RATE_LIMITED when the hub is full */
  async enrol(input: EnrolInput, connection: SessionConnection): Promise<EnrolOutput> {
    const agent = bytesToHex(sha256(input.public_key))
    const consent = connection.site?.consent
    // One agent a consent: this one takes the place of what the same page enrolled before.
    if (consent !== undefined)
      this.#endSessions(({ site }) => site?.consent === consent, 'this page has enrolled anew')
    const id = randomBytes(32).toString('base64url')
    const signer = this.#signers.of(await this.#options.leaseKey())
    // On the table first: a revocation that comes while the agent is being stored finds the session there.
    this.#sessions.add(id, agent, connection, input, signer)
    const said = {
      id: agent,
      public_key: input.public_key,
      owner_id: connection.ownerId,
      executor: input.executor.kind,
      label: input.executor.label,
      software: input.software,
      site_id: connection.site?.siteId ?? null,
    }
    let standing: LiveStanding | undefined
    try {
      if (input.succeeds !== undefined) {
        // What was found of the old key must not be left behind on its way into the store.
        await this.#trust.flush()
        const old = await takeOver(input, said.site_id, this.#options.agents)
        if (old !== undefined)
          this.endAgentSessions(({ agent: one }) => one === old, 'another key has taken its place')
      }
      const { kind } = input.executor
      const report = input.probe?.find((one) => one.kind === kind)
      if (await this.#options.agents.enrolled(said, input.probe ?? [])) {
        standing = await this.#trust.admit(agent, kind, {
          ownerId: connection.ownerId,
          // Executors other than a GPU have no probe of their own to show.
          probePassed: report?.ok ?? kind !== 'webgpu',
        })
      }
      if (standing === undefined || !this.#sessions.has(id)) {
        throw new ForgeError('FORBIDDEN', 'the owner of this agent has revoked its key', {
          hint: 'Start it with a new key: --rotate-key, or “New key” on the devices page in its browser.',
        })
      }
    } catch (error) {
      this.#sessions.remove(id)
      throw error
    }
    this.#apply({
      t: 'session.joined',
      session: {
        id,
        agent,
        owner: connection.ownerId,
        executor: input.executor.kind,
        window: input.window,
        causes: input.causes,
        memory_bytes: input.capability?.memory_bytes,
      },
      claimed_speed: input.speed,
      standing,
    })
    return {
      session: id,
      agent_id: agent,
      owner: connection.ownerLabel.slice(0, 120),
      epoch: this.epoch,
      hub_key: signer.publicKey,
    }
  }

  /** Every session of an agent in the page of a partner's site. */
  sessions(): readonly (SessionConnection & { readonly agent: string })[] {
    return this.#sessions.connections()
  }

  sessionExists(session: string): boolean {
    return this.#sessions.has(session)
  }

  /** Ends sessions for good: each agent hears the reason and stops. @returns how many were ended */
  endAgentSessions(
    which: (session: SessionConnection & { readonly agent: string }) => boolean,
    reason: string,
  ): number {
    const ended = this.#endSessions(which, reason)
    // Whatever is the cause stands in the database.
    this.#cluster?.tell({ t: 'news' })
    return ended
  }

  #endSessions(which: Parameters<Hub['endAgentSessions']>[0], reason: string): number {
    const ids = this.#sessions.idsOf(which)
    for (const session of ids) {
      this.#apply({ t: 'session.ended', session, reason })
      this.#sessions.remove(session)
    }
    return ids.length
  }

  /**
   * What the hub says to the agent, from now on or, after an interruption, from the last message that it has seen.
   * @returns stops listening
   * @throws ForgeError UNAUTHENTICATED when the session is not known (any more): enrol again
   */
  listen(
    input: { readonly session: string; readonly lastEventId?: string | null | undefined },
    listener: Listener,
  ): () => void {
    const session = this.#sessions.get(input.session)
    session.outbox.open(listener)
    const seen = Number(input.lastEventId ?? 0)
    this.#apply({
      t: 'session.listening',
      session: session.id,
      after_lease: Number.isSafeInteger(seen) ? seen : 0,
    })
    return () => {
      if (!session.outbox.isOpenFor(listener)) return
      session.outbox.leave()
      this.#apply({ t: 'session.silent', session: session.id })
    }
  }

  /** @throws ForgeError UNAUTHENTICATED | NOT_FOUND */
  async contract(session: string, contractHash: string): Promise<{ canonical: string }> {
    this.#sessions.get(session)
    const canonical = this.#contracts.get(contractHash)
    if (canonical === undefined) throw new ForgeError('NOT_FOUND', 'no running job has this contract')
    return { canonical }
  }

  /** @throws ForgeError UNAUTHENTICATED; MESSAGE_INVALID | DIGEST_MISMATCH when the result is wrong by itself */
  async result(input: ResultInput): Promise<ResultOutput> {
    const session = this.#sessions.get(input.session)
    const lease = this.#state.leases.get(input.lease_id)
    const runtime = lease === undefined ? undefined : this.#runtimes.get(lease.job.id)
    if (
      lease === undefined ||
      runtime === undefined ||
      lease.session.id !== session.id ||
      input.epoch !== this.epoch
    ) {
      this.#options.tap?.notHeld()
      return { outcome: 'not_held' }
    }
    try {
      if (input.executor !== session.executor)
        throw new ForgeError(
          'MESSAGE_INVALID',
          `enrolled as ${session.executor}, executed as ${input.executor}`,
        )
      const receipt = await checkResult(input, {
        job: runtime.job,
        lease,
        epoch: this.epoch,
        agent: session.agent,
        hub: session.signer.hub,
        agentKey: session.key,
        software: session.software,
        blobs: this.#options.blobs,
      })
      const outcome = this.#apply({
        t: 'result.received',
        session: session.id,
        lease_id: lease.id,
        digests: input.digests,
        leaves: input.leaves,
      })
      // A canary's answer is no copy of the job's: its evidence has no place for it.
      if (outcome === 'received' && lease.canary === undefined) {
        this.#commits.addReceipt({
          job_id: lease.job.id,
          agent: session.agent,
          receipt,
          signature: input.signature,
        })
      }
      return { outcome: outcome ?? 'not_held' }
    } catch (error) {
      if (
        !(error instanceof ForgeError) ||
        (error.code !== 'MESSAGE_INVALID' && error.code !== 'DIGEST_MISMATCH')
      )
        throw error
      this.#options.log('warn', 'a result was refused', {
        agent: session.agent,
        lease: lease.id,
        reason: error.message,
      })
      this.#apply({ t: 'result.invalid', session: session.id, lease_id: lease.id, reason: error.message })
      throw error
    }
  }

  /** Gives leases back unexecuted. Unknown ones are ignored: they were taken back before. */
  async release(input: ReleaseInput): Promise<void> {
    const session = this.#sessions.get(input.session)
    // Whoever pauses or stops is still subscribed for a moment: what he gives back must not be handed to him again,
    // where it would lie until his connection is given up. A resumed agent subscribes anew.
    if (input.reason === 'paused' || input.reason === 'stopped')
      this.#apply({ t: 'session.silent', session: session.id })
    this.#apply({ t: 'lease.released', session: session.id, lease_ids: input.lease_ids })
  }

  // What the network is

  network(): NetworkView {
    const own = {
      ...this.#sessions.counts(),
      jobs_running: this.#state.jobs.size,
      ...this.#tally.view(this.#now()),
      house_agent: this.#options.houseAgent,
    }
    return this.#cluster?.sum(own) ?? own
  }

  /** What it holds now, for whoever operates it. */
  figures(): HubFigures {
    const jobs: Partial<Record<HubJob['phase'], number>> = {}
    for (const { phase } of this.#state.jobs.values()) jobs[phase] = (jobs[phase] ?? 0) + 1
    return {
      sessions: this.#state.sessions.size,
      leases: this.#state.leases.size,
      jobs,
      disputes: this.#state.disputes.size,
      audits: this.#state.audits.size,
      refereeing: this.#state.refereeing.size,
      uncommitted: this.#commits.waiting,
    }
  }

  /** @returns the job of a lease that an agent holds */
  jobOfLease(lease_id: string): string | undefined {
    return this.#state.leases.get(lease_id)?.job.id
  }

  get isDraining(): boolean {
    return this.#state.isDraining
  }

  /** Whether it still takes part. */
  get isOpen(): boolean {
    return !this.#closed
  }

  agents(viewer?: string): readonly AgentView[] {
    return this.#sessions.views(viewer)
  }

  // The loop: event in, effects out

  #apply(event: HubEvent): 'received' | 'not_held' | undefined {
    let outcome: 'received' | 'not_held' | undefined
    this.#options.tap?.heard(event)
    for (const effect of step(this.#state, event, this.#now())) {
      if (effect.t === 'reply') outcome = effect.outcome
      else this.#perform(effect)
    }
    return outcome
  }

  #perform(effect: Exclude<HubEffect, { t: 'reply' }>): void {
    this.#options.tap?.said(effect)
    switch (effect.t) {
      case 'send':
        this.#sessions.send(effect.session, String(effect.seq), effect.message)
        break
      case 'persist':
        this.#commits.add(
          { ...effect, looks: this.#runtimes.get(effect.job_id)?.job.plan.looks },
          isAwaited(this.#state.jobs.get(effect.job_id)),
        )
        this.#runtimes.get(effect.job_id)?.accept(effect.runs)
        this.#dirty.add(effect.job_id)
        break
      case 'withheld':
        this.#commits.addWithheld({ ...effect, epoch: this.epoch })
        break
      case 'referee.run':
        void this.#refereeing.execute(this.#runtimes.get(effect.job_id), effect)
        break
      case 'referee.check':
        void this.#refereeing.check(this.#runtimes.get(effect.job_id), effect)
        break
      case 'referee.recheck':
        void this.#refereeing.recheck(this.#runtimes.get(effect.job_id), effect)
        break
      case 'agents.passed':
        this.#trust.passed(effect.passed)
        break
      case 'agent.failed':
        this.#options.log('warn', 'an agent is in quarantine', {
          agent: effect.agent,
          executor: effect.executor,
          reason: effect.reason,
        })
        this.#trust.failed(effect)
        void this.#trust.flush().then(() => this.#cluster?.tell({ t: 'news' }))
        break
      case 'chunk.claim':
      case 'chunk.extend':
      case 'chunk.done':
        void this.#chunks.perform(effect)
        break
      case 'chunk.return':
        void this.#chunks
          .perform(effect)
          .then(() => this.#cluster?.tell({ t: 'chunks.available', job_id: effect.job_id }))
        break
      case 'job.phase':
        this.#phase(effect.job_id, effect.phase, effect.failure)
        break
      case 'job.complete':
        this.#finish(effect.job_id)
        break
      case 'session.dropped':
        this.#options.log('info', 'an agent session ended', {
          session: effect.session.slice(0, 8),
          reason: effect.reason,
        })
        this.#sessions.remove(effect.session)
        break
      default:
        effect satisfies never
    }
  }

  #phase(jobId: string, phase: HubJob['phase'], failure: ForgeErrorJson | undefined): void {
    this.#dirty.add(jobId)
    if (phase === 'settled') return
    if (phase === 'failed' || phase === 'cancelled' || phase === 'expired')
      this.#storeEnd(jobId, phase, failure)
    else this.#writer.storePhase(jobId, phase)
  }

  /** Waits until what was accepted is durable, and stands in the totals of those who did it. */
  async #durable(): Promise<void> {
    await this.#commits.durable()
    await this.#totals.flush()
  }

  /** The runtime stays until the end is stored: what was accepted before it is still to be folded. */
  #storeEnd(jobId: string, state: StoredEnd, failure: ForgeErrorJson | undefined): void {
    this.#writer.storeEnd(jobId, state, {
      failure,
      durable: () => this.#durable(),
      progress: () => this.#runtimes.get(jobId)?.progress(undefined),
      covered: () => this.#runtimes.get(jobId)?.covered() ?? null,
      stored: (ended) => this.#announceEnd(jobId, ended),
    })
  }

  #announceEnd(jobId: string, state: JobState): void {
    const runtime = this.#runtimes.get(jobId)
    if (runtime === undefined) return
    if (this.#lettingGo.has(jobId)) this.#options.listener.jobLetGo?.(jobId, state)
    else {
      this.#options.listener.jobChanged(jobId, runtime.room(state, this.#state.jobs.get(jobId)))
      this.#cluster?.tell({ t: 'job.ended', job_id: jobId })
    }
    this.#forget(jobId)
  }

  #forget(jobId: string): void {
    const hash = this.#runtimes.get(jobId)?.job.contractHash
    this.#runtimes.delete(jobId)
    this.#dirty.delete(jobId)
    this.#retold.delete(jobId)
    this.#lettingGo.delete(jobId)
    this.#connected.delete(jobId)
    this.#finisher.forget(jobId)
    this.#cluster?.forget(jobId)
    this.#waitings.forget(jobId)
    const shared = [...this.#runtimes.values()].some((runtime) => runtime.job.contractHash === hash)
    if (hash !== undefined && !shared) this.#contracts.delete(hash)
    this.#chunks.withdraw(jobId)
  }

  /** What has become durable is folded, job by job, before the core and its agents hear of it. */
  async #committed(commits: readonly PendingCommit[]): Promise<void> {
    const portions = new Portions()
    for (const job_id of new Set(commits.map((commit) => commit.job_id))) {
      const own = commits.filter((commit) => commit.job_id === job_id)
      try {
        const runtime = this.#runtimes.get(job_id)
        for (const { runs, findings, retracted } of own) {
          if (portions.isOver) await portions.rest()
          if (retracted === undefined) await runtime?.fold(runs, findings)
          else for (const run of runs) await runtime?.replace(run)
        }
      } catch (error) {
        this.#options.log('error', 'an accepted shard cannot be folded', {
          job: job_id,
          error: String(error),
        })
        this.#apply({ t: 'job.broken', job_id, failure: failureOf(error) })
      }
      this.#dirty.add(job_id)
    }
    for (const { job_id, chunk, epoch, shard_count, credits, retracted } of commits) {
      if (retracted !== undefined) continue
      if (portions.isOver) await portions.rest()
      this.#tally.accepted(this.#now(), shard_count)
      this.#sessions.credit(credits)
      this.#totals.add(job_id, credits)
      this.#apply({ t: 'committed', job_id, chunk, epoch, shard_count, credits })
    }
    for (const job_id of new Set(commits.map((commit) => commit.job_id))) this.#look(job_id)
  }

  /** Of a job that may stop early a hub looks at all that is durable before it goes on with the work of another one. */
  async #inherit(jobId: string): Promise<void> {
    const runtime = this.#runtimes.get(jobId)
    if (runtime?.job.target === undefined) return
    await runtime.collect((wants) => this.#options.results.load(jobId, wants))
    this.#dirty.add(jobId)
    this.#look(jobId)
  }

  /** Another hub has these chunks now, and does again what was accepted here and is not durable. */
  #lost(commits: readonly PendingCommit[]): void {
    const claims = new Map(
      commits.map((commit) => [`${commit.job_id} ${commit.chunk} ${commit.epoch}`, commit]),
    )
    for (const { job_id, runs } of commits) {
      this.#runtimes.get(job_id)?.disown(runs)
      this.#dirty.add(job_id)
    }
    for (const { job_id, chunk, epoch } of claims.values()) {
      this.#options.log('info', 'another hub has taken over a chunk', { job: job_id, chunk })
      this.#apply({ t: 'chunk.lost', job_id, chunk, epoch })
    }
  }

  /** Tells the core what the durable prefix of a job with a target says. */
  #look(jobId: string): void {
    const runtime = this.#runtimes.get(jobId)
    if (runtime?.job.target === undefined) return
    const { looks_passed, stopped_at } = runtime.looked()
    if (looks_passed !== this.#state.jobs.get(jobId)?.looks_passed)
      this.#apply({ t: 'job.looked', job_id: jobId, passed: looks_passed })
    if (stopped_at !== undefined) this.#apply({ t: 'job.stopped', job_id: jobId, at_shard: stopped_at })
  }

  /** Makes the result and settles the job. A crash in between leaves it unfinished: it is made again. */
  #finish(jobId: string): void {
    const runtime = this.#runtimes.get(jobId)
    if (runtime === undefined) return
    void this.#finisher.finish(runtime)
    // What takes longer than this is said to the others, who wait then.
    setTimeout(() => {
      if (!this.#closed && this.#finisher.jobs.includes(jobId)) void this.#cluster?.poll()
    }, 4 * TICK_MS).unref()
  }

  #join(): ClusterDesk | undefined {
    const { cluster, jobs, log } = this.#options
    if (cluster === undefined) return undefined
    return joinCluster(cluster, {
      epoch: this.epoch,
      jobs,
      log,
      state: this.#state,
      runtimes: this.#runtimes,
      sessions: this.#sessions,
      tally: this.#tally,
      finisher: this.#finisher,
      now_ms: this.#now,
      isClosed: () => this.#closed,
      tell: (event) => void this.#apply(event),
      take: (row) => this.#take(row),
      admitted: async (jobId) => this.#admitting.get(jobId)?.catch(() => {}),
      letGo: (jobId) => {
        this.#lettingGo.add(jobId)
        this.#apply({ t: 'job.cancelled', job_id: jobId })
      },
      endSessions: (which, reason) => this.#endSessions(which, reason),
      retold: (jobId) => void this.#retold.add(jobId),
    })
  }

  /** Tells the others for which jobs there are agents here, or are no more; how many where a job waits for several. */
  #tellConnected(): void {
    if (this.#cluster === undefined) return
    for (const job of this.#state.jobs.values()) {
      const connected = Math.min(connectedFor(this.#state, job), job.min_agents)
      if (this.#connected.get(job.id) === connected) continue
      this.#connected.set(job.id, connected)
      this.#cluster.changed(job.id)
    }
  }

  #fenced(error: ForgeError): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    this.#options.fatal(error)
  }

  #tick(): void {
    this.#apply({ t: 'tick' })
    for (const id of this.#waitings.changed(this.#runtimes.keys(), (jobId) => this.waiting(jobId)))
      this.#dirty.add(id)
    if (this.#ticks++ % TELL_TICKS === 0) this.#tellConnected()
    for (const jobId of this.#dirty) this.#cluster?.changed(jobId)
    for (const jobId of new Set([...this.#dirty, ...this.#retold])) {
      const room = this.room(jobId)
      if (room !== undefined) this.#options.listener.jobChanged(jobId, room)
    }
    this.#dirty.clear()
    this.#retold.clear()
    this.#options.listener.networkChanged(this.network())
  }
}
