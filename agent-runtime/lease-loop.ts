import { bytesToHex, type HexDigest, sha256Hex } from '../kernel/digest.ts'
import { ForgeError } from '../kernel/errors.ts'
import type { OpRegistry } from '../kernel/job.ts'
import { isLeaseSigned, leaseDigest, leaseOf } from '../kernel/lease.ts'
import type { VerifySignature } from '../kernel/ledger/signed-note.ts'
import { type EnrolOutput, type HubMessage, type LeaseMessage, PROTOCOL_VERSION } from '../kernel/protocol.ts'
import { backoffMs } from './backoff.ts'
import type { BlobTransport } from './blobs.ts'
import { type Clock, cancelled, type Random } from './clock.ts'
import type { Executor } from './executor.ts'
import { asForgeError } from './failure.ts'
import { type HeldLease, HeldLeases } from './held-leases.ts'
import type { HubLink } from './hub-link.ts'
import { type Identity, signReceipt } from './identity.ts'
import { LeaseJobs } from './lease-jobs.ts'
import { runLease } from './lease-run.ts'
import type { SessionEvent } from './session-events.ts'

export interface LeaseLoopOptions {
  readonly blobs: BlobTransport
  readonly executor: Executor
  readonly identity: Identity
  readonly verifySignature: VerifySignature
  readonly registry: OpRegistry
  readonly clock: Clock
  readonly random: Random
  /** Name and version, as in `forge-agent/0.1.0`. */
  readonly software: string
  /** Share of the time that may be spent computing, in (0, 1]. */
  intensity(): number
  heard(event: SessionEvent): void
}

type LoopHub = Pick<HubLink, 'call' | 'giveBack' | 'leaveIfDone' | 'trustedKey'>

/** Executes the leases of a hub one at a time, in their order, while the contract and operands of the next are fetched. */
export class LeaseLoop {
  readonly #options: LeaseLoopOptions
  readonly #hub: LoopHub
  readonly #leases = new HeldLeases()
  readonly #jobs: LeaseJobs
  /** The lease being executed. */
  #running: string | undefined
  /** Aborts when work is to stop. */
  #work: AbortSignal = AbortSignal.abort('not started')

  constructor(options: LeaseLoopOptions, hub: LoopHub) {
    this.#options = options
    this.#hub = hub
    this.#jobs = new LeaseJobs(options.executor, options.registry, {
      contract: (hash) =>
        hub.call(this.#work, (client, { session }, signal) => client.contract(session, hash, signal)),
      input: (digest) =>
        hub.call(this.#work, (_, { session }, signal) => options.blobs.get(digest, session, signal)),
    })
  }

  /** Leases held. */
  get ids(): string[] {
    return this.#leases.ids
  }

  dropAll(reason: string): void {
    this.#leases.dropAll(reason)
  }

  /** Frees what is kept between runs. */
  close(): void {
    this.#jobs.close()
  }

  /** A lease that is offered. */
  take(message: LeaseMessage, enrolment: EnrolOutput): void {
    const { clock, heard } = this.#options
    if (this.#work.aborted) return
    if (message.epoch !== enrolment.epoch) {
      heard({ t: 'dropped', reason: 'a lease of another life of the hub', running: false })
      return
    }
    if (this.#leases.add(message, clock.now()) === undefined) return
    // Fetched while an earlier lease runs; a failure shows when this lease's turn comes.
    this.#jobs.get(message.contract_hash).catch(() => undefined)
  }

  /** A lease that is no longer wanted. */
  cancel({ lease_id, reason }: Extract<HubMessage, { t: 'cancel' }>): void {
    if (this.#leases.drop(lease_id, reason)) {
      this.#options.heard({ t: 'dropped', reason, running: this.#running === lease_id })
    }
  }

  /**
   * Executes one lease after the other until `work` aborts.
   * @throws ForgeError EXECUTOR_FAILED when the executor cannot go on
   */
  async run(work: AbortSignal): Promise<void> {
    const { clock, random, heard } = this.#options
    this.#work = work
    let failures = 0
    while (!work.aborted) {
      this.#hub.leaveIfDone()
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
        await this.#hub.giveBack([lease_id], 'failed', error.message)
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
        this.#hub.call(this.#work, (_, { session }) => blobs.put(bytesToHex(digest), leaf, session, signal)),
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
    const { outcome } = await this.#hub.call(this.#work, (hub, { session }) =>
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
    const hubKey = await this.#hub.trustedKey()
    if (hubKey === undefined) throw new ForgeError('LEASE_UNKNOWN', 'the lease is of an earlier enrolment')
    const { job_id, proof } = message
    const digest = leaseDigest(leaseOf(message, { job_id, agent: identity.keyId, hub: sha256Hex(hubKey) }))
    if (!(await isLeaseSigned(digest, proof, hubKey, verifySignature)))
      throw new ForgeError('MESSAGE_INVALID', 'the lease is not signed by the key of this hub for this agent')
    return bytesToHex(digest)
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
