import { randomUUID } from 'node:crypto'
import type { AcceptedShard } from '../../../kernel/acceptance.ts'
import { REFEREE, workDone } from '../../../kernel/bill.ts'
import { sha256, sha256Hex } from '../../../kernel/digest.ts'
import { NO_FINDINGS } from '../../../kernel/verification/job-bound.ts'
import { createAgentStore } from '../agent-store.ts'
import { createCreditStore } from '../credit-store.ts'
import type { Database } from '../database.ts'
import type { BillingTerms } from '../job-billing.ts'
import { createJobStore } from '../job-store.ts'
import { createOwnerStore } from '../owner-store.ts'
import type { CreditStore } from '../ports/credits.ts'
import type { JobStore, NewJob, Settlement } from '../ports/jobs.ts'
import type { ResultStore } from '../ports/results.ts'
import { createResultStore } from '../result-store.ts'
import { claimSample, runsOf, SAMPLE_CLAIM, SAMPLE_TERMS, sampleJob, sampleResult } from './samples.ts'

export interface WorldAgent {
  readonly id: string
  readonly owner: string
}

/** Copies of one shard, by their agents. */
export type Copies = readonly WorldAgent[]

export const REFEREE_AGENT: WorldAgent = { id: REFEREE, owner: REFEREE }

export interface JobSize {
  readonly shards: number
  readonly copies: number
  /** Of one copy of one shard. */
  readonly price: number
  readonly key?: string | undefined
  /** A job with a target, which may stop after any shard: every shard is then a group of its own. */
  readonly hasTarget?: boolean
}

/** Owners, agents and jobs of a test, and the stores that they go through. */
export interface LedgerWorld {
  readonly jobs: JobStore
  readonly credits: CreditStore
  readonly results: ResultStore
  readonly epoch: number
  /** A new person. @returns the owner */
  person(kind: 'account' | 'guest', credits: number): Promise<string>
  /** A new agent: of that owner, of a network of its own, or of the house. */
  agent(of: { readonly owner: string } | 'network' | 'house'): Promise<WorldAgent>
  newJob(owner: string, size: JobSize): NewJob
  /** Stores a job with its hold. */
  submit(owner: string, size: JobSize): Promise<NewJob>
  /** Makes copies of the job's next shards durable. */
  commit(job: NewJob, shards: readonly Copies[]): Promise<void>
  run(job: NewJob): Promise<void>
  /** @param covered shards that the result of a job with a target covers */
  settle(job: NewJob, covered?: number): Promise<boolean>
  available(owner: string): Promise<number>
  /** Of any account of the ledger. */
  posted(account: string): Promise<number>
}

export async function createLedgerWorld(
  database: Database,
  terms: BillingTerms = SAMPLE_TERMS,
): Promise<LedgerWorld> {
  const { pool, prisma } = database
  const jobs = createJobStore(database, terms)
  const credits = createCreditStore(pool)
  const results = createResultStore(pool)
  const owners = createOwnerStore(database)
  const agents = createAgentStore(database)
  const epoch = await results.openEpoch()
  const durable = new Map<string, number>()
  const withTarget = new Set<string>()

  return {
    jobs,
    credits,
    results,
    epoch,
    async person(kind, amount) {
      const { id } = await prisma.owners.create({ data: { kind, label: 'somebody' } })
      if (amount > 0) await credits.grant(id, amount, 'test')
      return id
    },
    async agent(of) {
      const id = sha256Hex(randomUUID())
      const owner =
        of === 'network'
          ? (await owners.network(`198.51.${randomUUID()}`)).id
          : of === 'house'
            ? (await owners.house()).id
            : of.owner
      await agents.enrolled(
        { id, owner_id: owner, executor: 'cpu', label: 'test', software: 'test/1', site_id: null },
        [],
      )
      return { id, owner }
    },
    newJob(owner, size) {
      const job = newJob(owner, size)
      if (size.hasTarget === true) withTarget.add(job.id)
      return job
    },
    async submit(owner, size) {
      const job = newJob(owner, size)
      if (size.hasTarget === true) withTarget.add(job.id)
      await jobs.insert(job)
      return job
    },
    async commit(job, shards) {
      const first = durable.get(job.id) ?? 0
      durable.set(job.id, first + shards.length)
      const accepted = shards.map((copies, at) => acceptedShard(first + at, copies))
      const copies_needed = job.hold / job.shard_price / job.shard_count
      const parts = withTarget.has(job.id) ? accepted.map((shard) => [shard]) : [accepted]
      const groups = parts.map((part) => {
        const runs = runsOf(part)
        return {
          job_id: job.id,
          runs,
          work: workDone(runs, job.owner_id, copies_needed),
          findings: NO_FINDINGS,
          fence: SAMPLE_CLAIM,
        }
      })
      await claimSample(database, job.id)
      // As the hub does: a commit that failed may have happened, and is repeated.
      await results.commit(epoch, groups, []).catch(() => results.commit(epoch, groups, []))
    },
    async run(job) {
      await jobs.transition(job.id, ['submitted'], 'running')
    },
    settle: (job, covered) => jobs.settle(job.id, { ...WORLD_RESULT, covered_shards: covered ?? null }),
    available: async (owner) => (await credits.balance(owner)).available,
    async posted(account) {
      const row = await prisma.credit_accounts.findUnique({ where: { id: account } })
      return Number((row?.credits_posted ?? 0n) - (row?.debits_posted ?? 0n))
    },
  }
}

export const WORLD_RESULT: Settlement = sampleResult()

function newJob(owner: string, { shards, copies, price, key }: JobSize): NewJob {
  return sampleJob(owner, {
    shard_count: shards,
    shard_price: price,
    hold: shards * copies * price,
    idempotency_key: key,
  })
}

function acceptedShard(shard: number, copies: Copies): AcceptedShard {
  const leaf = new TextEncoder().encode(`shard ${shard}`)
  return {
    shard,
    method: copies.length === 1 ? 'single' : 'quorum',
    digest: sha256(leaf),
    leaf,
    copies: copies.map(({ id, owner }) => ({ agent: id, owner, executor: 'cpu' })),
  }
}
