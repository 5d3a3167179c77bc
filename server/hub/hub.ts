import { randomBytes } from 'node:crypto'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import {
  type AgentView,
  type JobPriority,
  type JobRoom,
  type JobWaiting,
  type NetworkView,
  PRIORITY_WEIGHTS,
  type ProgressView,
} from '../../kernel/api.ts'
import type { ForgeError } from '../../kernel/errors.ts'
import { LIMITS } from '../../kernel/limits.ts'
import type { EnrolInput, EnrolOutput, ReleaseInput, ResultOutput } from '../../kernel/protocol.ts'
import type { ReceivedResult } from '../../kernel/protocol-result.ts'
import type { JobRow } from '../memory/ports/jobs.ts'
import { AcceptanceDesk } from './acceptance-desk.ts'
import { Admissions } from './admissions.ts'
import { AgentDesk, type WhichSessions } from './agent-desk.ts'
import { AgentTotals } from './agent-totals.ts'
import { ChunkDesk } from './chunk-desk.ts'
import type { ClusterDesk } from './cluster-desk.ts'
import { CommitQueue } from './commit-queue.ts'
import type { HubEvent } from './core/events.ts'
import { HUB } from './core/limits.ts'
import { initialState } from './core/state.ts'
import { CoreLoop } from './core-loop.ts'
import { type Doers, perform } from './deeds.ts'
import { DoubtDesk } from './doubt-desk.ts'
import { Finisher } from './finisher.ts'
import { JobDisplay } from './job-display.ts'
import { JobEnds } from './job-ends.ts'
import { JobTable } from './job-table.ts'
import { JobWriter } from './job-writer.ts'
import { joinCluster } from './join-cluster.ts'
import type { HubOptions } from './options.ts'
import type { Listener } from './outbox.ts'
import { RefereeDesk } from './referee-desk.ts'
import { SessionNames } from './session-names.ts'
import { type SessionConnection, SessionTable } from './session-table.ts'
import { Tally } from './tally.ts'
import { figuresOf, type HubFigures } from './tap.ts'
import { TrustDesk } from './trust-desk.ts'

/**
 * The hub's shell: it puts the desks together that own the sockets' queues, storage and the referee, and the loop that
 * turns what they hear into events of the pure core and the core's effects into deeds. Every decision is in `core/`.
 */

const TICK_MS = 250
const DRAIN_LOOK_MS = 50

export class Hub {
  readonly #options: HubOptions
  readonly #loop: CoreLoop
  readonly #sessions = new SessionTable()
  readonly #names: SessionNames
  readonly #running = new JobTable()
  readonly #tally: Tally
  readonly #commits: CommitQueue
  readonly #writer: JobWriter
  readonly #chunks: ChunkDesk
  readonly #totals: AgentTotals
  readonly #trust: TrustDesk
  readonly #finisher: Finisher
  readonly #agents: AgentDesk
  readonly #admissions: Admissions
  readonly #ends: JobEnds
  readonly #display: JobDisplay
  readonly #doers: Doers
  readonly #cluster: ClusterDesk | undefined
  #timer: ReturnType<typeof setInterval> | undefined
  #closed = false

  private constructor(epoch: number, options: HubOptions, tally: Tally) {
    const { jobs, log, trust } = options
    this.#options = options
    this.#tally = tally
    this.#names = new SessionNames(options.secret ?? randomBytes(32))
    const key = randomBytes(8)
    this.#loop = new CoreLoop({
      state: initialState(epoch, {
        draw_key: [key.readUInt32LE(0), key.readUInt32LE(4)],
        lease_shards: options.leaseShards ?? LIMITS.lease_shards,
        unstored_bytes: HUB.unstored_bytes,
      }),
      now_ms: options.now_ms ?? (() => performance.now()),
      perform: (deed) => perform(deed, this.#doers),
      tap: options.tap,
    })
    const desks = { ...options, loop: this.#loop, running: this.#running, sessions: this.#sessions }
    this.#writer = new JobWriter(jobs, log)
    this.#totals = new AgentTotals(options.agents, (error) =>
      log('warn', 'totals of agents could not be stored', { error: String(error) }),
    )
    this.#trust = new TrustDesk(trust, (error) =>
      log('error', 'the reputation of agents could not be stored', { error: String(error) }),
    )
    this.#display = new JobDisplay({ ...desks, tellOthers: (jobId) => this.#cluster?.changed(jobId) })
    const changed = (jobId: string): void => this.#display.changed(jobId)
    const acceptances = new AcceptanceDesk({ ...desks, totals: this.#totals, tally, changed })
    this.#chunks = new ChunkDesk(
      options.chunks(epoch),
      (event) => this.#loop.apply(event),
      (jobId) => acceptances.inherit(jobId),
      (jobId) => this.#cluster?.mayFinish(jobId, this.#loop.now_ms()) ?? true,
      log,
    )
    this.#commits = new CommitQueue({
      store: options.results,
      epoch,
      committed: (commits) => acceptances.committed(commits),
      lost: (commits) => acceptances.lost(commits),
      fenced: (error) => this.#fenced(error),
      failed: (error, attempt) =>
        log('error', 'a commit failed and is repeated', { attempt, error: String(error) }),
    })
    const durable = async (): Promise<void> => {
      await this.#commits.durable()
      await this.#totals.flush()
    }
    const tell = (event: HubEvent): void => {
      if (!this.#closed) this.#loop.apply(event)
    }
    const refereeing = new RefereeDesk({
      ...options,
      commits: this.#commits,
      tell,
      submitterOf: (jobId) => this.#loop.state.jobs.get(jobId)?.owner,
      backlog: () => this.#loop.state.audits.size + this.#loop.state.disputes.size,
      findings: () => this.#trust.flush(),
    })
    this.#finisher = new Finisher({
      ...options,
      tell: (event) => void this.#loop.apply(event),
      write: (jobId, write) => this.#writer.write(jobId, write),
      durable,
      findings: () => this.#trust.flush(),
      settled: (jobId) => {
        this.#tally.settled()
        this.#loop.apply({ t: 'job.settled', job_id: jobId })
        this.#ends.announce(jobId, 'settled')
      },
    })
    const doubts = new DoubtDesk({
      ...desks,
      epoch,
      tell,
      durable: () => this.#commits.durable(),
      isOther: (of) => this.#cluster?.has(of) === true,
    })
    this.#ends = new JobEnds({
      ...desks,
      writer: this.#writer,
      isEntering: (jobId) => this.#admissions.has(jobId),
      durable,
      tellOthers: (jobId) => this.#cluster?.tell({ t: 'job.ended', job_id: jobId }),
      forget: (jobId) => this.#forget(jobId),
    })
    this.#admissions = new Admissions({
      ...desks,
      chunks: this.#chunks,
      writer: this.#writer,
      admitted: (runtime) => {
        changed(runtime.id)
        void doubts.resume(runtime)
      },
      refused: (jobId, failure) => this.#ends.store(jobId, 'failed', failure),
      ended: (jobId, state) => this.#ends.letGo(jobId, state),
    })
    this.#agents = new AgentDesk({
      ...desks,
      names: this.#names,
      trust: this.#trust,
      commits: this.#commits,
      ended: () => this.#cluster?.tell({ t: 'news' }),
    })
    this.#doers = {
      ...desks,
      commits: this.#commits,
      chunks: this.#chunks,
      refereeing,
      doubts,
      trust: this.#trust,
      writer: this.#writer,
      ends: this.#ends,
      display: this.#display,
      finish: (jobId) => this.#finish(jobId),
      tellOthers: (said) => this.#cluster?.tell(said),
    }
    this.#cluster =
      options.cluster &&
      joinCluster(options.cluster, {
        ...desks,
        tally,
        finisher: this.#finisher,
        admissions: this.#admissions,
        ends: this.#ends,
        agents: this.#agents,
        display: this.#display,
        isClosed: () => this.#closed,
      })
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

  get epoch(): number {
    return this.#loop.epoch
  }

  /**
   * Gives no more leases, tells agents where to go, and waits until what they have is answered and what was accepted is durable: nobody's work is
   * thrown away by a restart.
   * @param limit_ms waits no longer
   */
  async drain(limit_ms: number, signal: AbortSignal): Promise<void> {
    this.#loop.apply({ t: 'hub.draining', to: this.#cluster?.addresses() ?? [] })
    const until_ms = this.#loop.now_ms() + limit_ms
    while (!this.#closed && !signal.aborted && this.#loop.now_ms() < until_ms) {
      if (this.#loop.state.leases.size === 0 && this.#commits.waiting === 0) return
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
    this.#admissions.close()
    // First what is still being checked: a turn later it is accepted, and becomes durable with the rest.
    await this.#options.checker.close()
    await nextTurn()
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
   * Takes a stored job. One that cannot be prepared any more fails with its reason; one whose stored data cannot be read now
   * waits, and is tried again.
   */
  async admit(row: JobRow): Promise<void> {
    if (this.#running.has(row.id)) return
    await this.#admissions.take(row)
    this.#cluster?.tell({ t: 'job.new', job_id: row.id })
  }

  /** @returns false when the job is not running here */
  async cancel(jobId: string): Promise<boolean> {
    await this.#admissions.over(jobId)
    if (this.#admissions.halt(jobId)) this.#ends.store(jobId, 'cancelled', undefined)
    if (!this.#running.has(jobId) && !this.#admissions.has(jobId)) return false
    // A job whose end is being stored has left the core: it only remains to wait.
    if (this.#loop.state.jobs.has(jobId)) this.#loop.apply({ t: 'job.cancelled', job_id: jobId })
    await this.#writer.idle(jobId)
    return true
  }

  /** Its owner wants no new leases of it, or wants them again. The store knows it already. */
  pause(jobId: string, isPaused: boolean): void {
    this.#loop.apply({ t: isPaused ? 'job.paused' : 'job.resumed', job_id: jobId })
    this.#cluster?.tell({ t: 'news' })
    this.#display.changed(jobId)
  }

  prioritise(jobId: string, priority: JobPriority): void {
    this.#loop.apply({ t: 'job.weighed', job_id: jobId, weight: PRIORITY_WEIGHTS[priority] })
    this.#cluster?.tell({ t: 'news' })
  }

  /** A guest has become an account: his jobs are the account's, whose own agents no longer count towards them. */
  ownerMoved(from: string, to: string): void {
    this.#loop.apply({ t: 'owner.moved', from, to })
    this.#cluster?.tell({ t: 'news' })
  }

  /** Why no agent works for a job now; undefined when one does, or it is not here. */
  waiting(jobId: string): JobWaiting | undefined {
    return this.#display.waiting(jobId) ?? this.#admissions.waiting(jobId)
  }

  progress(jobId: string): ProgressView | undefined {
    return this.#display.progress(jobId)
  }

  /** What watchers of the job see now; undefined when it is not running here. */
  room(jobId: string): JobRoom | undefined {
    return this.#display.room(jobId)
  }

  // Agents: as AgentDesk says

  enrol(input: EnrolInput, connection: SessionConnection): Promise<EnrolOutput> {
    return this.#agents.enrol(input, connection)
  }

  listen(
    input: { readonly session: string; readonly lastEventId?: string | null | undefined },
    listener: Listener,
  ): () => void {
    return this.#agents.listen(input, listener)
  }

  contract(session: string, contractHash: string): Promise<{ canonical: string }> {
    return this.#agents.contract(session, contractHash)
  }

  result(input: ReceivedResult): Promise<ResultOutput> {
    return this.#agents.result(input)
  }

  release(input: ReleaseInput): Promise<void> {
    return this.#agents.release(input)
  }

  endAgentSessions(which: WhichSessions, reason: string): number {
    return this.#agents.endAgentSessions(which, reason)
  }

  /** Every session of an agent in the page of a partner's site. */
  sessions(): readonly (SessionConnection & { readonly agent: string })[] {
    return this.#sessions.connections()
  }

  sessionExists(session: string): boolean {
    return this.#sessions.has(session)
  }

  /** Whether the session is one of this hub or, as its name shows, of another one that is there. */
  async knowsSession(session: string): Promise<boolean> {
    if (this.sessionExists(session)) return true
    const epoch = this.#names.epochOf(session)
    if (epoch === undefined || epoch === this.#loop.epoch || this.#cluster === undefined) return false
    return this.#cluster.isThere(epoch)
  }

  agents(viewer?: string): readonly AgentView[] {
    return this.#sessions.views(viewer)
  }

  // What the network is

  network(): NetworkView {
    const own = {
      ...this.#sessions.counts(),
      jobs_running: this.#loop.state.jobs.size,
      ...this.#tally.view(this.#loop.now_ms()),
      house_agent: this.#options.houseAgent,
    }
    return this.#cluster?.sum(own) ?? own
  }

  /** What it holds now, for whoever operates it. */
  figures(): HubFigures {
    return figuresOf(this.#loop.state, {
      unreadable: this.#admissions.waitingJobs().length,
      uncommitted: this.#commits.waiting,
    })
  }

  /** @returns the job of a lease that an agent holds */
  jobOfLease(lease_id: string): string | undefined {
    return this.#loop.state.leases.get(lease_id)?.job.id
  }

  get isDraining(): boolean {
    return this.#loop.state.isDraining
  }

  /** Whether it still takes part. */
  get isOpen(): boolean {
    return !this.#closed
  }

  /** Makes the result and settles the job. A crash in between leaves it unfinished: it is made again. */
  #finish(jobId: string): void {
    const runtime = this.#running.get(jobId)
    if (runtime === undefined) return
    void this.#finisher.finish(runtime)
    // What takes longer than this is said to the others, who wait then.
    setTimeout(() => {
      if (!this.#closed && this.#finisher.jobs.includes(jobId)) void this.#cluster?.poll()
    }, 4 * TICK_MS).unref()
  }

  #forget(jobId: string): void {
    this.#running.remove(jobId)
    this.#admissions.forget(jobId)
    this.#display.forget(jobId)
    this.#finisher.forget(jobId)
    this.#cluster?.forget(jobId)
    this.#chunks.withdraw(jobId)
  }

  #fenced(error: ForgeError): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    this.#admissions.close()
    this.#options.fatal(error)
  }

  #tick(): void {
    this.#loop.apply({ t: 'tick' })
    this.#display.tick()
    const { listener } = this.#options
    // Its figures take a walk over all sessions.
    if (listener.watchesNetwork?.() !== false) listener.networkChanged(this.network())
  }
}
