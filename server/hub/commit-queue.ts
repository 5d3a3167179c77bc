import { setTimeout as delay } from 'node:timers/promises'
import type { AcceptedRun } from '../../kernel/acceptance.ts'
import { retractedWork, workDone } from '../../kernel/bill.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { addFindings, type CheckFindings, NO_FINDINGS } from '../../kernel/verification/job-bound.ts'
import type { AcceptedGroup, JobWithheld, ResultStore, SignedReceipt } from '../memory/ports.ts'
import type { HubEffect } from './core/events.ts'
import { lookWindow } from './look-window.ts'

/** One acceptance of the core, waiting to become durable. */
export interface PendingCommit extends Omit<Extract<HubEffect, { readonly t: 'persist' }>, 't'> {
  /** Looks of a job with a target. */
  readonly looks: readonly number[] | undefined
  /** What these shards were before the referee found them wrong: nobody is paid for it any more. */
  readonly retracted?: readonly AcceptedRun[]
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
  #accepted: PendingCommit[] = []
  #receipts: SignedReceipt[] = []
  #withheld: JobWithheld[] = []
  #running: Promise<void> | undefined
  #closed = false
  #added = 0
  #done = 0

  constructor(options: CommitQueueOptions) {
    this.#options = options
  }

  add(commit: PendingCommit): void {
    this.#accepted.push(commit)
    this.#added++
    this.#start()
  }

  addReceipt(receipt: SignedReceipt): void {
    this.#receipts.push(receipt)
    this.#start()
  }

  addWithheld({ job_id, lease_id, epoch, first, digests }: JobWithheld): void {
    this.#withheld.push({ job_id, lease_id, epoch, first, digests })
    this.#start()
  }

  /** Acceptances that are not durable and folded yet. */
  get waiting(): number {
    return this.#added - this.#done
  }

  /** Waits until everything accepted so far is durable and folded, or never will be in this hub's life. */
  async durable(): Promise<void> {
    const target = this.#added
    while (this.#done < target && this.#running !== undefined) await this.#running
  }

  /** Makes everything durable, then takes no more. */
  async close(): Promise<void> {
    while (this.#running !== undefined) await this.#running
    this.#closed = true
  }

  #start(): void {
    if (this.#running !== undefined || this.#closed) return
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (this.#accepted.length + this.#receipts.length + this.#withheld.length > 0) this.#start()
    })
  }

  async #run(): Promise<void> {
    await delay(GROUP_MS)
    const commits = this.#accepted
    const receipts = this.#receipts
    this.#accepted = []
    this.#receipts = []
    const withheld = this.#withheld
    this.#withheld = []
    const groups = groupByJob(commits)
    const { epoch } = this.#options
    const canaries = commits.flatMap(({ job_id, canaries: answers = [] }) =>
      answers.map(({ lease_id, agent, owner, shards, isRight }) => ({
        job_id,
        epoch,
        lease_id,
        agent,
        owner,
        shards,
        isRight,
      })),
    )
    for (let attempt = 1; !this.#closed; attempt++) {
      try {
        await this.#options.store.commit(this.#options.epoch, groups, receipts, withheld, canaries)
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
    this.#done += commits.length
  }
}

interface Group {
  /** The first of its commits: all of a job have the same terms. */
  readonly commit: PendingCommit
  readonly runs: AcceptedRun[]
  readonly retracted: AcceptedRun[]
  findings: CheckFindings
}

/**
 * One group a job, and of a job with a target one for the shards between two looks: whatever look stops it, every group
 * is charged whole or not at all.
 */
function groupByJob(commits: readonly PendingCommit[]): readonly AcceptedGroup[] {
  const groups = new Map<string, Group>()
  for (const commit of commits) {
    const groupOf = (run: AcceptedRun): Group => {
      // A run lies between two looks, as its leases do.
      const key = `${commit.job_id} ${lookWindow(commit.looks, run.first)}`
      const known = groups.get(key)
      if (known !== undefined) return known
      const group: Group = { commit, runs: [], retracted: [], findings: NO_FINDINGS }
      groups.set(key, group)
      return group
    }
    for (const run of commit.runs) groupOf(run).runs.push(run)
    for (const run of commit.retracted ?? []) groupOf(run).retracted.push(run)
    const [first] = commit.runs
    if (first !== undefined) groupOf(first).findings = addFindings(groupOf(first).findings, commit.findings)
  }
  return [...groups.values()].map(
    ({ commit: { job_id, submitter, copies_paid }, runs, retracted, findings }) => ({
      job_id,
      runs,
      findings,
      work: [
        ...workDone(runs, submitter, copies_paid),
        ...retractedWork(workDone(retracted, submitter, copies_paid)),
      ],
    }),
  )
}
