import { bytesToHex, type HexDigest, sha256Hex } from '../kernel/digest.ts'
import { type ErrorCode, ForgeError } from '../kernel/errors.ts'
import type { OpRegistry } from '../kernel/job.ts'
import { isLeaseSigned, leaseDigest, leaseOf } from '../kernel/lease.ts'
import type { VerifySignature } from '../kernel/ledger/signed-note.ts'
import type { ProbeReport } from '../kernel/probe-report.ts'
import {
  type EnrolInput,
  type EnrolOutput,
  type HubMessage,
  type LeaseMessage,
  PROTOCOL_VERSION,
  type ReleaseInput,
  type SiteEnrolment,
} from '../kernel/protocol.ts'
import { backoffMs } from './backoff.ts'
import type { BlobTransport } from './blobs.ts'
import { solveChallenge } from './challenge.ts'
import { type Clock, cancelled, type Random, within } from './clock.ts'
import type { Executor } from './executor.ts'
import { asForgeError } from './failure.ts'
import { type HeldLease, HeldLeases } from './held-leases.ts'
import { HubClient } from './hub-client.ts'
import type { HubTransport } from './hub-transport.ts'
import type { HubTrust } from './hub-trust.ts'
import { type Identity, signReceipt } from './identity.ts'
import { LeaseJobs } from './lease-jobs.ts'
import { runLease } from './lease-run.ts'
import { AGENT_LIMITS } from './limits.ts'

/**
 * An agent's session with a hub.
 *
 * While `run` lasts, the session is connecting, live or waiting. Connecting: it opens a connection, enrols unless the
 * hub still knows it, and subscribes to leases after the last message it saw. Live: leases arrive and are executed one
 * at a time while the contract and operands of the next are fetched. Waiting: the connection failed; it tries again
 * after a jittered, growing delay, and execution goes on meanwhile. When the hub is about to stop, held leases are
 * returned to it, and the session goes to another hub that it has named, or comes back by the address it knows. When the hub does not know the session any more,
 * every lease of that enrolment is dropped and the session enrols anew. When `run` ends, held leases are given back.
 */
export interface SessionOptions {
  readonly transport: HubTransport
  /** Transports to other hubs of the site, of those that one that stops has named. Absent: this host reaches none. */
  readonly transportsTo?: ((sockets: readonly string[]) => readonly HubTransport[]) | undefined
  readonly blobs: BlobTransport
  readonly executor: Executor
  readonly identity: Identity
  /** The key that `identity` takes over from. */
  readonly succeeds?: EnrolInput['succeeds']
  readonly trust: HubTrust
  readonly verifySignature: VerifySignature
  readonly registry: OpRegistry
  readonly clock: Clock
  readonly random: Random
  /** Name and version, as in `forge-agent/0.1.0`. */
  readonly software: string
  readonly ownerToken?: string | undefined
  /** The partner's site in whose page this agent runs. */
  readonly site?: SiteEnrolment | undefined
  /** Families of ops that the contributor chose; undefined: all. */
  readonly causes?: readonly string[] | undefined
  /** Shown beside the executor's label. */
  readonly name?: string | undefined
  /** Work units per second, as measured at start. */
  readonly speed?: number | undefined
  /** What was found about executors at start. */
  readonly probe?: readonly ProbeReport[] | undefined
  /** Share of the time that may be spent computing, in (0, 1]. */
  intensity(): number
  heard(event: SessionEvent): void
}

/** What the session tells its agent. */
export type SessionEvent =
  | { readonly t: 'connecting' }
  | { readonly t: 'live'; readonly enrolment: EnrolOutput }
  | { readonly t: 'waiting'; readonly error: ForgeError; readonly retry_ms: number }
  | { readonly t: 'started'; readonly op: string; readonly first: number; readonly count: number }
  | { readonly t: 'shard'; readonly work_units: number }
  | { readonly t: 'returned'; readonly count: number; readonly elapsed_ms: number; readonly held: boolean }
  | {
      readonly t: 'dropped'
      readonly reason: string /** It was being executed. */
      readonly running: boolean
    }
  | { readonly t: 'accepted'; readonly shards: number }
  | { readonly t: 'rejected'; readonly reason: string }
  | { readonly t: 'lease_failed'; readonly error: ForgeError }

/** A connection that lived this long was a good one: the next failure starts with a short delay again. */
const GOOD_CONNECTION_MS = 10_000

/** Answers to an enrolment that will be the same the next time. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['UNAUTHENTICATED', 'FORBIDDEN', 'MESSAGE_INVALID'])

interface Live {
  readonly hub: HubClient
  readonly enrolment: EnrolOutput
  /** Ends the connection; the session then opens another one. */
  end(error: ForgeError): void
}

export class Session {
  readonly #options: SessionOptions
  readonly #leases = new HeldLeases()
  readonly #jobs: LeaseJobs
  readonly #onLive = new Set<() => void>()
  #enrolment: EnrolOutput | undefined
  #lastEventId: string | undefined
  #live: Live | undefined
  /** Hubs to try before the one that the session began with. */
  readonly #elsewhere: HubTransport[] = []
  /** The hub is about to stop: this session leaves it as soon as nothing is held. */
  #isLeaving = false
  /** Settles when it is known whether the enrolment's hub may give leases. */
  #trusted: Promise<void> | undefined
  /** The hub has ended this session for good, or is not to be trusted. */
  #dismissal: ForgeError | undefined
  /** The lease being executed. */
  #running: string | undefined
  /** Aborts when work is to stop; the connection outlives it by the release of leases. */
  #work: AbortSignal = AbortSignal.abort('not started')

  constructor(options: SessionOptions) {
    this.#options = options
    this.#jobs = new LeaseJobs(options.executor, options.registry, {
      contract: (hash) => this.#call((hub, { session }, signal) => hub.contract(session, hash, signal)),
      input: (digest) => this.#call((_, { session }, signal) => options.blobs.get(digest, session, signal)),
    })
  }

  /**
   * Takes part until `signal` aborts, then gives held leases back and closes the connection.
   * @param releaseReason what to tell the hub; read when the signal has aborted
   * @throws ForgeError EXECUTOR_FAILED when the executor cannot go on; UNAUTHENTICATED, FORBIDDEN or MESSAGE_INVALID
   * when the hub refuses this agent for good or ends its session
   */
  async run(signal: AbortSignal, releaseReason: () => 'paused' | 'stopped'): Promise<void> {
    const fault = new AbortController()
    const link = new AbortController()
    this.#work = AbortSignal.any([signal, fault.signal])
    let failure: ForgeError | undefined
    const fail = (error: unknown) => {
      failure ??= asForgeError(error)
      fault.abort(failure)
    }
    const connecting = this.#stayConnected(link.signal).catch(fail)
    await this.#executeAll(this.#work).catch(fail)
    if (failure === undefined) await this.#giveBack(this.#leases.ids, releaseReason())
    else await this.#giveBack(this.#leases.ids, 'failed', failure.message)
    this.#leases.dropAll('given back')
    link.abort('the session ended')
    await connecting
    if (failure !== undefined) throw failure
  }

  /** Frees what is kept between runs. The session is over. */
  close(): void {
    this.#jobs.close()
  }

  async #stayConnected(link: AbortSignal): Promise<void> {
    const { clock, random, heard } = this.#options
    for (let attempt = 0; ; attempt++) {
      heard({ t: 'connecting' })
      const startedAt = clock.now()
      const { error, final } = await this.#connection(link).catch((thrown: unknown) => ({
        error: asForgeError(thrown),
        final: false,
      }))
      if (link.aborted) return
      if (final) throw error
      if (clock.now() - startedAt >= GOOD_CONNECTION_MS) attempt = 0
      const retry_ms = this.#isLeaving ? random() * AGENT_LIMITS.move_within_ms : backoffMs(attempt, random)
      this.#isLeaving = false
      heard({ t: 'waiting', error, retry_ms })
      await clock.sleep(retry_ms, link).catch(() => undefined)
      if (link.aborted) return
    }
  }

  /** One connection from its opening to its end. @returns why it ended, and whether trying again is of no use */
  async #connection(link: AbortSignal): Promise<{ readonly error: ForgeError; readonly final: boolean }> {
    const { clock, heard } = this.#options
    const transport = this.#elsewhere.shift() ?? this.#options.transport
    let end: (error: ForgeError) => void = () => {}
    const ended = new Promise<ForgeError>((resolve) => {
      end = resolve
    })
    const connection = await transport.connect(end, link)
    const onAbort = () => end(cancelled(link))
    link.addEventListener('abort', onAbort, { once: true })
    try {
      const hub = new HubClient(connection, clock)
      if (this.#enrolment === undefined) {
        try {
          this.#enrolment = await this.#enrol(hub, link)
        } catch (thrown) {
          const error = asForgeError(thrown)
          return { error, final: REFUSALS.has(error.code) }
        }
      }
      const enrolment = this.#enrolment
      const hear = (id: string, message: HubMessage) => {
        this.#lastEventId = id
        this.#hear(message, enrolment, end)
      }
      const unsubscribe = hub.leases(enrolment.session, this.#lastEventId, hear, end)
      this.#checkHub(enrolment, link, end)
      this.#live = { hub, enrolment, end }
      for (const wake of this.#onLive) wake()
      heard({ t: 'live', enrolment })
      const error = await ended
      unsubscribe()
      if (this.#dismissal !== undefined) return { error: this.#dismissal, final: true }
      if (error.code === 'UNAUTHENTICATED' || error.code === 'LEASE_UNKNOWN') this.#forget()
      return { error, final: false }
    } finally {
      this.#live = undefined
      link.removeEventListener('abort', onAbort)
      connection.close()
    }
  }

  /** Whether the hub's key is its own is found out while the first leases come: none is executed before. */
  #checkHub(enrolment: EnrolOutput, link: AbortSignal, end: (error: ForgeError) => void): void {
    const trusted = this.#trusted ?? this.#options.trust.check(enrolment.hub_key, link)
    this.#trusted = trusted
    trusted.catch((thrown: unknown) => {
      if (this.#trusted === trusted) this.#trusted = undefined
      const error = asForgeError(thrown)
      if (REFUSALS.has(error.code)) this.#dismissal = error
      end(error)
    })
  }

  async #enrol(hub: HubClient, signal: AbortSignal): Promise<EnrolOutput> {
    const { executor, identity, software, ownerToken, site, causes, speed, probe, name, succeeds } =
      this.#options
    const { memory_bytes } = executor
    const label = name === undefined ? executor.label : `${name}: ${executor.label}`
    const input: EnrolInput = {
      v: PROTOCOL_VERSION,
      public_key: identity.publicKey,
      executor: { kind: executor.kind, label: label.slice(0, AGENT_LIMITS.label_chars) },
      software,
      window: AGENT_LIMITS.lease_window,
      ...(causes === undefined ? {} : { causes: [...causes] }),
      ...(memory_bytes === undefined ? {} : { capability: { memory_bytes } }),
      ...(speed === undefined ? {} : { speed }),
      ...(probe === undefined ? {} : { probe: [...probe] }),
      ...(ownerToken === undefined ? {} : { owner_token: ownerToken }),
      ...(site === undefined ? {} : { site }),
      ...(succeeds === undefined ? {} : { succeeds }),
    }
    // Only the hub knows whom it counts this agent for, and so whether it asks for proof of work.
    const enrolment = await hub.enrol(input, signal).catch(async (thrown: unknown) => {
      if (asForgeError(thrown).code !== 'CHALLENGE_REQUIRED') throw thrown
      const challenge = await solveChallenge(await hub.challenge(signal), signal)
      return hub.enrol({ ...input, challenge }, signal)
    })
    if (enrolment.agent_id !== identity.keyId) {
      throw new ForgeError('MESSAGE_INVALID', 'the hub enrolled another key than this agent has')
    }
    return enrolment
  }

  #hear(message: HubMessage, enrolment: EnrolOutput, end: (error: ForgeError) => void): void {
    const { clock, heard } = this.#options
    switch (message.t) {
      case 'lease': {
        if (this.#work.aborted) return
        if (message.epoch !== enrolment.epoch) {
          heard({ t: 'dropped', reason: 'a lease of another life of the hub', running: false })
          return
        }
        if (this.#leases.add(message, clock.now()) === undefined) return
        // Fetched while an earlier lease runs; a failure shows when this lease's turn comes.
        this.#jobs.get(message.contract_hash).catch(() => undefined)
        return
      }
      case 'cancel': {
        const { lease_id, reason } = message
        if (this.#leases.drop(lease_id, reason)) {
          heard({ t: 'dropped', reason, running: this.#running === lease_id })
        }
        return
      }
      case 'accepted':
        heard({ t: 'accepted', shards: message.shards })
        return
      case 'rejected':
        heard({ t: 'rejected', reason: message.reason })
        return
      case 'draining':
        this.#isLeaving = true
        this.#elsewhere.splice(0, Infinity, ...(this.#options.transportsTo?.(message.to) ?? []))
        this.#leaveIfDone()
        return
      case 'ended':
        this.#dismissal = new ForgeError('FORBIDDEN', message.reason)
        end(this.#dismissal)
        return
      default:
        message satisfies never
    }
  }

  /** Another hub does not know this session: there it enrols. */
  #leaveIfDone(): void {
    if (!this.#isLeaving || this.#leases.ids.length > 0 || this.#live === undefined) return
    const { end } = this.#live
    this.#forget()
    end(new ForgeError('UNAVAILABLE', 'the hub is about to stop'))
  }

  async #executeAll(work: AbortSignal): Promise<void> {
    const { clock, random, heard } = this.#options
    let failures = 0
    while (!work.aborted) {
      this.#leaveIfDone()
      const lease = await this.#leases.next(work)
      if (lease === undefined) return
      this.#running = lease.message.lease_id
      try {
        await this.#execute(lease, work)
        failures = 0
      } catch (thrown) {
        if (work.aborted) return
        if (!this.#leases.has(lease)) continue
        const error = asForgeError(thrown)
        if (error.code === 'EXECUTOR_FAILED') throw error
        heard({ t: 'lease_failed', error })
        const { lease_id } = lease.message
        this.#leases.drop(lease_id, error.message)
        await this.#giveBack([lease_id], 'failed', error.message)
        // The hub may send the same lease again at once.
        await clock.sleep(backoffMs(failures++, random), work).catch(() => undefined)
      }
    }
  }

  async #execute(lease: HeldLease, work: AbortSignal): Promise<void> {
    const { clock, identity, executor, software, blobs, heard, intensity } = this.#options
    const { message } = lease
    if (clock.now() >= lease.deadlineAt) {
      this.#leases.drop(message.lease_id, 'too late')
      heard({ t: 'dropped', reason: 'its time was over before its turn came', running: false })
      return
    }
    const signal = AbortSignal.any([work, lease.stop.signal])
    const leaseName = await this.#signedLease(message)
    const leaseJob = await unlessAborted(this.#jobs.get(message.contract_hash), signal)
    const { job } = leaseJob
    heard({ t: 'started', op: job.op, first: message.first, count: message.count })
    const work_units = job.plan.work_units / job.plan.shard_count
    const ports = {
      clock,
      intensity,
      progress: () => heard({ t: 'shard', work_units }),
      upload: (digest: Uint8Array, leaf: Uint8Array) =>
        this.#call((_, { session }) => blobs.put(bytesToHex(digest), leaf, session, signal)),
    }
    const result = await runLease(message, leaseJob, ports, signal)
    const { lease_id, epoch, contract_hash, plan_digest, first, count } = message
    const signature = await signReceipt(identity, {
      receipt: 2,
      lease_id,
      epoch,
      contract_hash,
      plan_digest,
      first,
      count,
      result_root: bytesToHex(result.result_root),
      executor: executor.kind,
      software,
      lease: leaseName,
    })
    const { outcome } = await this.#call((hub, { session }) =>
      hub.result(
        { v: PROTOCOL_VERSION, session, lease_id, epoch, executor: executor.kind, ...result, signature },
        signal,
      ),
    )
    this.#leases.drop(lease_id, 'returned')
    heard({ t: 'returned', count, elapsed_ms: result.elapsed_ms, held: outcome === 'received' })
  }

  /** @returns the lease's digest. @throws ForgeError MESSAGE_INVALID when the hub has not asked this agent for just that */
  async #signedLease(message: LeaseMessage): Promise<HexDigest> {
    const { identity, verifySignature } = this.#options
    const hubKey = this.#enrolment?.hub_key
    await this.#trusted
    if (hubKey === undefined) throw new ForgeError('LEASE_UNKNOWN', 'the lease is of an earlier enrolment')
    const { job_id, proof } = message
    const digest = leaseDigest(leaseOf(message, { job_id, agent: identity.keyId, hub: sha256Hex(hubKey) }))
    if (!(await isLeaseSigned(digest, proof, hubKey, verifySignature)))
      throw new ForgeError('MESSAGE_INVALID', 'the lease is not signed by the key of this hub for this agent')
    return bytesToHex(digest)
  }

  /**
   * A call of the present enrolment, tried again over new connections.
   * @throws ForgeError LEASE_UNKNOWN when the hub starts anew meanwhile: what was asked for belongs to the past
   */
  async #call<T>(
    work: (hub: HubClient, enrolment: EnrolOutput, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { clock, random } = this.#options
    const signal = this.#work
    const bound = this.#enrolment
    for (let attempt = 0; ; attempt++) {
      const live = await this.#whenLive(signal)
      if (live.enrolment !== bound) throw new ForgeError('LEASE_UNKNOWN', 'the hub has started anew')
      try {
        return await work(live.hub, live.enrolment, signal)
      } catch (thrown) {
        const error = asForgeError(thrown)
        if (error.code === 'UNAUTHENTICATED') live.end(error)
        if (signal.aborted || !error.retryable) throw error
      }
      await clock.sleep(backoffMs(attempt, random), signal)
    }
  }

  async #whenLive(signal: AbortSignal): Promise<Live> {
    for (;;) {
      if (signal.aborted) throw cancelled(signal)
      if (this.#live !== undefined) return this.#live
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#onLive.delete(wake)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        this.#onLive.add(wake)
        signal.addEventListener('abort', wake, { once: true })
      })
    }
  }

  /** Best effort: a hub that does not hear of it finds out when the connection ends or the deadline passes. */
  async #giveBack(lease_ids: string[], reason: ReleaseInput['reason'], detail?: string): Promise<void> {
    const live = this.#live
    if (live === undefined || lease_ids.length === 0) return
    const { clock } = this.#options
    const { session } = live.enrolment
    const more = detail === undefined ? {} : { detail: detail.slice(0, 300) }
    const late = () => new ForgeError('UNAVAILABLE', 'the hub did not take the leases back in time')
    const timeout = new AbortController()
    const release = live.hub.release({ session, lease_ids, reason, ...more }, timeout.signal)
    await within(clock, AGENT_LIMITS.release_timeout_ms, late, release).catch(() => undefined)
    timeout.abort()
  }

  #forget(): void {
    this.#enrolment = undefined
    this.#trusted = undefined
    this.#lastEventId = undefined
    this.#leases.dropAll('the hub does not know this session any more')
  }
}

/** @throws ForgeError CANCELLED as soon as the signal aborts; the work itself goes on for whoever else waits for it */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(cancelled(signal))
    if (signal.aborted) {
      onAbort()
      return
    }
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
