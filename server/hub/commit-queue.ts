import { setTimeout as delay } from 'node:timers/promises'
import type { AcceptedRun } from '../../kernel/acceptance.ts'
import { retractedWork, workDone } from '../../kernel/bill.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { leafSize } from '../../kernel/leaves.ts'
import { addFindings, type CheckFindings, NO_FINDINGS } from '../../kernel/verification/job-bound.ts'
import type {
  AcceptedGroup,
  ChunkClaim,
  JobWithheld,
  ResultStore,
  SignedReceipt,
} from '../memory/ports/results.ts'
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
  /** These are not stored, and never will be: the claims of their chunks are over. Called after `committed`. */
  lost(commits: readonly PendingCommit[]): void
  /** The store does not know this hub: it must stop. */
  fenced(error: ForgeError): void
  failed(error: unknown, attempt: number): void
}

/** Waits so long for more before a commit: many small acceptances then share one disk flush. */
const GROUP_MS = 20
/**
 * Where nobody waits for what is accepted, it waits longer until there are about so many bytes: what a commit costs by
 * itself is then spread over as many shards whether one hub has all agents or several share them.
 */
const GROUP_MAX_MS = 250
const GROUP_BYTES = 384 * 1024
/** In one commit, or what packing and folding it takes would hold up everything else; what is more comes with the next. */
const COMMIT_BYTES = 8 * 1024 * 1024
const COMMIT_SHARDS = 8192
const RETRY_FIRST_MS = 200
const RETRY_MAX_MS = 10_000

/**
 * Group commit: what is accepted while one transaction runs goes into the next. A failed transaction is repeated until
 * it succeeds; nothing is told to anybody before it is durable. What lies in a chunk that another hub has claimed meanwhile
 * is not stored: that hub does it again.
 */
export class CommitQueue {
  readonly #options: CommitQueueOptions
  readonly #accepted: PendingCommit[] = []
  #receipts: SignedReceipt[] = []
  #withheld: JobWithheld[] = []
  #running: Promise<void> | undefined
  #closed = false
  #added = 0
  #done = 0
  /** Of what is accepted and in no commit yet. */
  #bytes = 0
  #isAwaited = false
  /** The last commit had no room for all that waited. */
  #isLeft = false
  /** Ends the wait for more. */
  #go: (() => void) | undefined

  constructor(options: CommitQueueOptions) {
    this.#options = options
  }

  /** @param isAwaited something waits until this is durable: it is not delayed for the sake of larger groups */
  add(commit: PendingCommit, isAwaited = false): void {
    this.#accepted.push(commit)
    this.#added++
    this.#bytes += bytesOf(commit)
    if (isAwaited) this.#hurry()
    else if (this.#bytes >= GROUP_BYTES) this.#go?.()
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
    this.#hurry()
    while (this.#done < target && this.#running !== undefined) await this.#running
  }

  /** Makes everything durable, then takes no more. */
  async close(): Promise<void> {
    this.#hurry()
    while (this.#running !== undefined) await this.#running
    this.#closed = true
  }

  #hurry(): void {
    this.#isAwaited = true
    this.#go?.()
  }

  async #gather(): Promise<void> {
    // What the last commit had no room for has waited already.
    if (!this.#isLeft) await delay(GROUP_MS)
    if (!this.#isAwaited && this.#bytes < GROUP_BYTES) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, GROUP_MAX_MS - GROUP_MS)
        this.#go = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#go = undefined
    }
  }

  /** The oldest acceptances, as many as go into one commit. */
  #take(): readonly PendingCommit[] {
    let bytes = 0
    let shards = 0
    let count = 0
    for (const commit of this.#accepted) {
      if (bytes >= COMMIT_BYTES || shards >= COMMIT_SHARDS) break
      bytes += bytesOf(commit)
      shards += commit.shard_count
      count++
    }
    const taken = this.#accepted.splice(0, count)
    this.#bytes -= bytes
    this.#isLeft = this.#accepted.length > 0
    this.#isAwaited &&= this.#isLeft
    return taken
  }

  #start(): void {
    if (this.#running !== undefined || this.#closed) return
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (this.#accepted.length + this.#receipts.length + this.#withheld.length > 0) this.#start()
    })
  }

  async #run(): Promise<void> {
    await this.#gather()
    const commits = this.#take()
    const receipts = this.#receipts
    this.#receipts = []
    const withheld = this.#withheld
    this.#withheld = []
    const groups = groupByChunk(commits)
    const accepted = groups.map(({ group }) => group)
    const lost = new Set<PendingCommit>()
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
        const refused = new Set(
          await this.#options.store.commit(epoch, accepted, receipts, withheld, canaries),
        )
        for (const { group, parts } of groups) {
          // A shard that another hub has replaced already has the referee's word, as it has here.
          if (group.fence === 'correction' || !refused.has(group)) continue
          for (const part of parts) lost.add(part)
        }
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
    await this.#options.committed(commits.filter((commit) => !lost.has(commit)))
    if (lost.size > 0) this.#options.lost([...lost])
    this.#done += commits.length
  }
}

/** About what of it is stored: all leaves of a job are alike. */
function bytesOf({ runs }: PendingCommit): number {
  return runs.reduce(
    (sum, { digests, leaves }) => sum + digests.length + leaves.length * leafSize(leaves, 0),
    0,
  )
}

interface Group {
  /** The first of its commits: all of a chunk have the same terms. */
  readonly commit: PendingCommit
  readonly parts: Set<PendingCommit>
  readonly fence: ChunkClaim | 'correction'
  readonly runs: AcceptedRun[]
  readonly retracted: AcceptedRun[]
  findings: CheckFindings
}

interface GroupedCommits {
  readonly group: AcceptedGroup
  readonly parts: ReadonlySet<PendingCommit>
}

/**
 * One group a claim, and of a job with a target one for the shards of it between two looks: whatever look stops it, every
 * group is charged whole or not at all. What the referee replaces is a group a shard, for each is replaced once.
 */
function groupByChunk(commits: readonly PendingCommit[]): readonly GroupedCommits[] {
  const groups = new Map<string, Group>()
  for (const commit of commits) {
    const { job_id, chunk, epoch } = commit
    const groupOf = (run: AcceptedRun): Group => {
      const isCorrection = commit.retracted !== undefined
      // A run lies between two looks, as its leases do.
      const key = isCorrection
        ? `${job_id} shard ${run.first}`
        : `${job_id} ${chunk} ${epoch} ${lookWindow(commit.looks, run.first)}`
      const known = groups.get(key)
      known?.parts.add(commit)
      if (known !== undefined) return known
      const fence = isCorrection ? 'correction' : { chunk, epoch }
      const group: Group = {
        commit,
        parts: new Set([commit]),
        fence,
        runs: [],
        retracted: [],
        findings: NO_FINDINGS,
      }
      groups.set(key, group)
      return group
    }
    for (const run of commit.runs) groupOf(run).runs.push(run)
    for (const run of commit.retracted ?? []) groupOf(run).retracted.push(run)
    const [first] = commit.runs
    if (first !== undefined) groupOf(first).findings = addFindings(groupOf(first).findings, commit.findings)
  }
  return [...groups.values()].map(({ commit, parts, fence, runs, retracted, findings }) => ({
    parts,
    group: {
      job_id: commit.job_id,
      fence,
      runs,
      findings,
      work: [
        ...workDone(runs, commit.submitter, commit.copies_paid),
        ...retractedWork(workDone(retracted, commit.submitter, commit.copies_paid)),
      ],
    },
  }))
}
