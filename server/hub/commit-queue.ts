import { setTimeout as delay } from 'node:timers/promises'
import type { AcceptedShard } from '../../kernel/acceptance.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { ResultStore, SignedReceipt } from '../memory/ports.ts'
import type { Credit } from './core/state.ts'

/** One acceptance of the core, waiting to become durable. */
export interface PendingCommit {
  readonly job_id: string
  readonly shards: readonly AcceptedShard[]
  readonly credits: readonly Credit[]
}

export interface CommitQueueOptions {
  readonly store: ResultStore
  readonly epoch: number
  /** Called after a commit, in the order of acceptance, before the next commit begins. */
  committed(commits: readonly PendingCommit[]): Promise<void>
  /** The store belongs to a newer hub: this one must stop. */
  fenced(error: ForgeError): void
  failed(error: unknown, attempt: number): void
}

/** Waits so long for more before a commit: many small acceptances then share one disk flush. */
const GROUP_MS = 20
const RETRY_FIRST_MS = 200
const RETRY_MAX_MS = 10_000

/**
 * Group commit: what is accepted while one transaction runs goes into the next. A failed transaction is repeated until
 * it succeeds or a newer hub owns the store; nothing is told to anybody before it is durable.
 */
export class CommitQueue {
  readonly #options: CommitQueueOptions
  #shards: PendingCommit[] = []
  #receipts: SignedReceipt[] = []
  #running: Promise<void> | undefined
  #closed = false

  constructor(options: CommitQueueOptions) {
    this.#options = options
  }

  add(commit: PendingCommit): void {
    this.#shards.push(commit)
    this.#start()
  }

  addReceipt(receipt: SignedReceipt): void {
    this.#receipts.push(receipt)
    this.#start()
  }

  /** Waits until everything added so far is durable. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Flushes, then takes no more. */
  async close(): Promise<void> {
    await this.flush()
    this.#closed = true
  }

  #start(): void {
    if (this.#running !== undefined || this.#closed) return
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (this.#shards.length + this.#receipts.length > 0) this.#start()
    })
  }

  async #run(): Promise<void> {
    await delay(GROUP_MS)
    const commits = this.#shards
    const receipts = this.#receipts
    this.#shards = []
    this.#receipts = []
    const byJob = new Map<string, AcceptedShard[]>()
    for (const { job_id, shards } of commits) byJob.set(job_id, [...(byJob.get(job_id) ?? []), ...shards])
    const groups = [...byJob].map(([job_id, shards]) => ({ job_id, shards }))
    for (let attempt = 1; !this.#closed; attempt++) {
      try {
        await this.#options.store.commit(this.#options.epoch, groups, receipts)
        break
      } catch (error) {
        if (error instanceof ForgeError && error.code === 'CONFLICT') {
          this.#closed = true
          this.#options.fenced(error)
          return
        }
        this.#options.failed(error, attempt)
        await delay(Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (attempt - 1)))
      }
    }
    await this.#options.committed(commits)
  }
}
