import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { AcceptedRun, AcceptedShard } from '../../kernel/acceptance.ts'
import { REFEREE } from '../../kernel/bill.ts'
import { bytesEqual, bytesToHex } from '../../kernel/digest.ts'
import { ForgeError, type ForgeErrorJson } from '../../kernel/errors.ts'
import { ALGEBRAIC_SECRET_BYTES } from '../../kernel/ops/op.ts'
import { chargedCopies } from '../../kernel/price.ts'
import { NO_FINDINGS } from '../../kernel/verification/job-bound.ts'
import type { BlobStore } from '../memory/ports/blobs.ts'
import type { ResultStore } from '../memory/ports/results.ts'
import { fastSha256 } from './checking/hashing.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { HubEffect, HubEvent } from './core/events.ts'
import { readBlob } from './intake.ts'
import { type JobRuntime, once } from './job-runtime.ts'
import type { HubLog } from './options.ts'
import type { Referee } from './referee/referee.ts'

export interface RefereeDeskPorts {
  readonly referee: Referee
  readonly blobs: BlobStore
  readonly results: Pick<ResultStore, 'find'>
  readonly commits: CommitQueue
  readonly log: HubLog
  readonly tell: (event: HubEvent) => void
  readonly submitterOf: (jobId: string) => string | undefined
  /** Runs that wait for the referee and that no request could take along. */
  readonly backlog: () => number
  /** Waits until what was found of agents is stored. */
  readonly findings: () => Promise<void>
}

type Wish<T extends HubEffect['t']> = Extract<HubEffect, { readonly t: T }>

interface WrongShard {
  readonly accepted: AcceptedShard
  readonly digest: Uint8Array
  /** Where leaves are inline. */
  readonly leaf: Uint8Array | undefined
}

/**
 * Requests leave so far apart, unless others wait behind them: what is drawn meanwhile goes along with the next, for a word
 * to another thread and back costs more than many a shard. A request that nobody hurries leaves at once.
 */
const APART_MS = 40

/** Carries the core's wishes to the referee and its word back. A referee that fails breaks the job, loudly. */
export class RefereeDesk {
  readonly #ports: RefereeDeskPorts
  /** When the next request may leave. */
  #next_ms = 0

  constructor(ports: RefereeDeskPorts) {
    this.#ports = ports
  }

  execute(runtime: JobRuntime | undefined, { request, shards }: Wish<'referee.run'>): Promise<void> {
    return this.#attempt(runtime, shards, async (job) => {
      const { digests, leaves } = await this.#execute(job, shards)
      return { t: 'referee.done', request, digests, leaves }
    })
  }

  /** The secret is drawn here, when the digests have long been committed to. */
  check(runtime: JobRuntime | undefined, wish: Wish<'referee.check'>): Promise<void> {
    const { request, shards, digests } = wish
    return this.#attempt(runtime, shards, async (job) => {
      const leaves = wish.leaves.length > 0 ? wish.leaves : await this.#readLeaves(digests, shards.length)
      const secret = new Uint8Array(randomBytes(ALGEBRAIC_SECRET_BYTES))
      const wrong = await this.#ports.referee.check(job.job, shards, leaves, secret, await job.inputs())
      return { t: 'referee.checked', request, wrong }
    })
  }

  /** Executes accepted shards again. What was wrong is replaced durably before the core hears of it. */
  recheck(runtime: JobRuntime | undefined, { request, shards }: Wish<'referee.recheck'>): Promise<void> {
    return this.#attempt(runtime, shards, async (job) => {
      const { digests, leaves } = await this.#execute(job, shards)
      // What the agent was accepted for a moment ago may still be on its way.
      await this.#ports.commits.durable()
      // Whoever settles the job hears of the agent no later than of its first shard that is replaced.
      await this.#ports.findings()
      const stored = await this.#ports.results.find(job.id, shards)
      const wrong = shards.flatMap((shard, at): WrongShard[] => {
        const accepted = stored.get(shard)
        // Another hub has taken the chunk over before this was durable, and does it again.
        if (accepted === undefined) return []
        const digest = digests.slice(32 * at, 32 * at + 32)
        return bytesEqual(accepted.digest, digest) ? [] : [{ accepted, digest, leaf: leaves[at] }]
      })
      if (wrong.length > 0) await this.#replace(job, wrong)
      for (const shard of stored.keys()) job.rechecked.add(shard)
      return { t: 'referee.rechecked', request }
    })
  }

  async #replace({ id, job }: JobRuntime, wrong: readonly WrongShard[]): Promise<void> {
    const { commits, log, submitterOf } = this.#ports
    log('warn', 'accepted shards are replaced', {
      job: id,
      shards: wrong.map(({ accepted }) => accepted.shard),
    })
    commits.add({
      job_id: id,
      // No chunk of the core's: these shards are accepted already.
      chunk: -1,
      epoch: 0,
      submitter: submitterOf(id) ?? '',
      copies_paid: chargedCopies(job.contract.verify),
      findings: NO_FINDINGS,
      looks: job.plan.looks,
      shard_count: wrong.length,
      runs: wrong.map(
        ({ accepted, digest, leaf }): AcceptedRun => ({
          first: accepted.shard,
          count: 1,
          method: 'referee',
          digests: digest,
          leaves: leaf === undefined ? [] : [leaf],
          copies: [{ agent: REFEREE, owner: REFEREE, executor: 'wasm' }],
        }),
      ),
      retracted: wrong.map(
        ({ accepted }): AcceptedRun => ({
          first: accepted.shard,
          count: 1,
          method: accepted.method,
          digests: accepted.digest,
          leaves: [],
          copies: accepted.copies,
        }),
      ),
      credits: [],
    })
    await commits.durable()
  }

  /** @returns digests, and leaves where they are inline; others are stored as blobs */
  async #execute(
    runtime: JobRuntime,
    shards: readonly number[],
  ): Promise<{ digests: Uint8Array; leaves: readonly Uint8Array[] }> {
    const { job } = runtime
    const leaves = await this.#ports.referee.execute(job, shards, await runtime.inputs())
    const inline = job.plan.leaf.kind === 'inline'
    if (!inline) for (const leaf of leaves) await this.#ports.blobs.put(once(leaf))
    const digests = new Uint8Array(32 * leaves.length)
    for (const [at, leaf] of leaves.entries()) digests.set(fastSha256(leaf), 32 * at)
    return { digests, leaves: inline ? leaves : [] }
  }

  async #readLeaves(digests: Uint8Array, count: number): Promise<readonly Uint8Array[]> {
    const leaves: Uint8Array[] = []
    for (let at = 0; at < count; at++)
      leaves.push(await readBlob(this.#ports.blobs, bytesToHex(digests.subarray(32 * at, 32 * at + 32))))
    return leaves
  }

  async #apart(): Promise<void> {
    const now_ms = performance.now()
    const leaves_ms = this.#ports.backlog() > 0 ? now_ms : Math.max(now_ms, this.#next_ms)
    this.#next_ms = leaves_ms + APART_MS
    if (leaves_ms > now_ms) await delay(leaves_ms - now_ms)
  }

  async #attempt(
    runtime: JobRuntime | undefined,
    shards: readonly number[],
    work: (runtime: JobRuntime) => Promise<HubEvent>,
  ): Promise<void> {
    if (runtime === undefined) return
    const { log, tell } = this.#ports
    try {
      await this.#apart()
      tell(await work(runtime))
    } catch (error) {
      log('error', 'the referee failed', { job: runtime.id, shards, error: String(error) })
      tell({ t: 'job.broken', job_id: runtime.id, failure: failureOf(error) })
    }
  }
}

export function failureOf(error: unknown): ForgeErrorJson {
  if (error instanceof ForgeError) return error.toJSON()
  return new ForgeError('INTERNAL', 'the job could not be finished', { cause: error }).toJSON()
}
