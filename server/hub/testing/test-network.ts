import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ContractInput } from '../../../kernel/contract.ts'
import { sha256Hex } from '../../../kernel/digest.ts'
import { makeKey } from '../../../kernel/evidence/sample.test-support.ts'
import type { PreparedJob } from '../../../kernel/job.ts'
import { OPS } from '../../../kernel/ops/registry.ts'
import { jobPrice } from '../../../kernel/price.ts'
import { createAgentStore } from '../../memory/agent-store.ts'
import { openFileBlobStore } from '../../memory/blob-store-files.ts'
import { createClusterStore } from '../../memory/cluster-store.ts'
import { createJobStore } from '../../memory/job-store.ts'
import { MemoryBus, type MessageBus } from '../../memory/message-bus.ts'
import type { AgentStore } from '../../memory/ports/agents.ts'
import type { BlobStore } from '../../memory/ports/blobs.ts'
import type { JobRow, JobStore } from '../../memory/ports/jobs.ts'
import type { OwnerRow } from '../../memory/ports/owners.ts'
import type { ResultStore } from '../../memory/ports/results.ts'
import { createResultStore } from '../../memory/result-store.ts'
import { SAMPLE_TERMS, sampleAccount } from '../../memory/testing/samples.ts'
import { createTestDatabase, type TestDatabase } from '../../memory/testing/test-database.ts'
import { createTrustStore, type TrustStore } from '../../memory/trust-store.ts'
import { localChecker } from '../checking/local-checker.test-support.ts'
import { Hub } from '../hub.ts'
import type { HubOptions } from '../options.ts'
import { referenceReferee } from '../referee/reference-referee.test-support.ts'
import { sharedChunks } from './shared-chunks.ts'
import { type Behaviour, eventually, TestAgent, until } from './test-agent.ts'

/** A bus that loses everything: what hubs know of each other they find in the database. */
export const DEAF_BUS: MessageBus = {
  carriesFigures: false,
  publish() {},
  subscribe: () => () => {},
  async close() {},
}

/** The key that hubs of tests sign leases with. */
export const LEASE_KEY = makeKey()

export interface TestHub {
  readonly hub: Hub
  /** Lets it seem dead to others, who take its chunks, while it goes on. */
  seemDead(): Promise<void>
  /** As `kill -9` looks to others: nothing that it does reaches the database any more, and its connections are gone. */
  kill(): Promise<void>
}

export interface Submitted {
  readonly row: JobRow
  readonly job: PreparedJob
}

/** What is durable of a job, corrections left out. */
export interface Durable {
  /** How often each shard is accepted. */
  readonly times: readonly number[]
  readonly accepted: number
  /** Shards by the epoch that accepted them. */
  readonly byEpoch: ReadonlyMap<number, number>
}

/**
 * A store with the hubs, the stored jobs and the agents of one test after the other. Whatever a test leaves is ended
 * before the next one begins.
 */
export class TestNetwork {
  readonly database: TestDatabase
  readonly blobs: BlobStore
  readonly jobs: JobStore
  /** To read by. */
  readonly results: ResultStore
  readonly agents: AgentStore
  readonly trust: TrustStore
  readonly #folder: string
  readonly #open = new Set<Hub>()
  #working: TestAgent[] = []
  #said: string[] = []

  private constructor(database: TestDatabase, folder: string, blobs: BlobStore) {
    this.database = database
    this.#folder = folder
    this.blobs = blobs
    this.jobs = createJobStore(database, SAMPLE_TERMS)
    this.results = createResultStore(database.pool)
    this.agents = createAgentStore(database)
    this.trust = createTrustStore(database)
  }

  static async open(): Promise<TestNetwork> {
    const folder = await mkdtemp(path.join(tmpdir(), 'forge-network-'))
    return new TestNetwork(await createTestDatabase(), folder, await openFileBlobStore(folder))
  }

  async close(): Promise<void> {
    await this.database.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** Ends agents, hubs and jobs of the test that is over; of one that failed it shows what the hubs had logged. */
  async rest({ result }: { readonly result?: { readonly state?: string } }): Promise<void> {
    if (result?.state === 'fail') console.error(['the hubs said:', ...this.#said].join('\n'))
    for (const agent of this.#working) agent.stop()
    for (const hub of this.#open) await hub.close()
    this.#open.clear()
    for (const { over } of this.#working) await over.catch(() => {})
    this.#working = []
    this.#said = []
    for (const { id, state } of await this.jobs.unfinished())
      await this.jobs.transition(id, [state], 'cancelled')
  }

  /** Starts a hub of this store, which takes itself for alone. */
  async start(more: Partial<HubOptions> = {}): Promise<TestHub> {
    let isDead = false
    const mortal = <T extends object>(port: T): T => untilDeath(port, () => isDead)
    const shared = sharedChunks(this.database)
    const { jobs = this.jobs, agents = this.agents, cluster } = more
    // A store of results is one hub's: it knows its epoch.
    const { results = createResultStore(this.database.pool) } = more
    const hub = await Hub.start({
      referee: referenceReferee(),
      checker: localChecker,
      leaseKey: async () => LEASE_KEY,
      houseAgent: false,
      listener: { jobChanged() {}, networkChanged() {} },
      log: (level, message, fields) => this.#said.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
      fatal: (error) => this.#said.push(`fatal ${error.message}`),
      ...more,
      jobs: mortal(jobs),
      results: mortal(results),
      blobs: this.blobs,
      agents: mortal(agents),
      trust: mortal(this.trust),
      chunks: (epoch) => mortal(shared.chunks(epoch)),
      ...(cluster === undefined
        ? {}
        : { cluster: { store: mortal(cluster.store), bus: mortal(cluster.bus) } }),
    })
    this.#open.add(hub)
    return {
      hub,
      seemDead: () => shared.die(hub.epoch),
      kill: async () => {
        isDead = true
        this.#open.delete(hub)
        await shared.die(hub.epoch)
      },
    }
  }

  /** @returns starts hubs that know each other, of a store whose jobs are cut into chunks of two shards */
  cluster(bus: MessageBus = new MemoryBus()): (more?: Partial<HubOptions>) => Promise<TestHub> {
    return (more = {}) =>
      this.start({ cluster: { store: createClusterStore(this.database), bus }, chunkShards: 2, ...more })
  }

  /** An account with credits; the same one for the same label. */
  owner(label: string): Promise<OwnerRow> {
    return sampleAccount(this.database, label)
  }

  /** Stores a job, for a hub to admit or to find when it starts. */
  async submit(contract: ContractInput): Promise<Submitted> {
    const job = OPS.prepare(contract)
    const price = jobPrice(job.plan, job.contract.verify)
    const { job: row } = await this.jobs.insert({
      id: crypto.randomUUID(),
      owner_id: (await this.owner('submitter')).id,
      idempotency_key: undefined,
      contract: job.contract,
      canonical: job.canonical,
      op: job.op,
      contract_hash: job.contractHash,
      replay_key: job.replayKey,
      plan_digest: job.planDigest,
      shard_count: job.plan.shard_count,
      work_units: job.plan.work_units,
      shard_price: price.shard_price,
      hold: price.credits,
    })
    return { row, job }
  }

  /** Waits for the job's end, whichever it is. */
  ended(id: string): Promise<JobRow> {
    return eventually(async () => {
      const row = await this.jobs.get(id)
      return row?.finished_at == null ? undefined : row
    })
  }

  /** Waits for the job's end. @throws Error when that is another one than settlement */
  async settled(id: string): Promise<JobRow> {
    const row = await this.ended(id)
    if (row.state !== 'settled') throw new Error(`the job is ${row.state}: ${JSON.stringify(row.failure)}`)
    return row
  }

  async durable({ row, job }: Submitted): Promise<Durable> {
    const times = new Array<number>(job.plan.shard_count).fill(0)
    const byEpoch = new Map<number, number>()
    for await (const { epoch, runs, is_replacement } of this.results.load(row.id)) {
      if (is_replacement) continue
      for (const { first, count } of runs) {
        byEpoch.set(epoch, (byEpoch.get(epoch) ?? 0) + count)
        for (let shard = first; shard < first + count; shard++) times[shard] = (times[shard] ?? 0) + 1
      }
    }
    return { times, accepted: times.reduce((sum, count) => sum + count, 0), byEpoch }
  }

  /** An agent of the account of that label, which is there and listens, and works until the test ends. */
  async work(hub: Hub, label: string, behaviour: Behaviour = {}): Promise<TestAgent> {
    return this.begin(new TestAgent(hub, this.blobs), label, behaviour)
  }

  /**
   * An agent each at these hubs. None of them returns anything before all have a lease: so no hub claims the whole job while
   * another one starts, and whoever comes last is not too late to give a second copy, however slow the machine is.
   */
  async crew(
    members: readonly (readonly [hub: Hub, label: string])[],
    behaviour: Behaviour = {},
  ): Promise<readonly TestAgent[]> {
    const crew: TestAgent[] = []
    const before = async (lease: number) => {
      await until(() => crew.length === members.length && crew.every(({ leases }) => leases.length > 0))
      await behaviour.before?.(lease)
    }
    for (const [hub, label] of members) crew.push(await this.work(hub, label, { ...behaviour, before }))
    return crew
  }

  /** The same with a history that is good enough to work alone. */
  async workTrusted(hub: Hub, label: string, behaviour: Behaviour = {}): Promise<TestAgent> {
    const agent = new TestAgent(hub, this.blobs)
    const id = await this.known(agent, label)
    await this.trust.passed([{ agent: id, executor: 'cpu', valid: 100_000 }])
    return this.begin(agent, label, behaviour)
  }

  /** Makes the store know an agent as the account's, before it enrols. @returns its id */
  async known(agent: TestAgent, label: string): Promise<string> {
    const id = sha256Hex(await agent.publicKey())
    const { id: owner_id } = await this.owner(label)
    await this.agents.enrolled(
      { id, owner_id, executor: 'cpu', label: 'known', software: 'test/1', site_id: null },
      [],
    )
    return id
  }

  /** Lets an agent of the account of that label work until the test ends. */
  async begin(agent: TestAgent, label: string, behaviour: Behaviour = {}): Promise<TestAgent> {
    await agent.start(await this.owner(label), behaviour)
    this.#working.push(agent)
    return agent
  }
}

/** The port, which after death answers nothing any more: neither that something was done nor that it failed. */
function untilDeath<T extends object>(port: T, isDead: () => boolean): T {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...given: unknown[]) => (isDead() ? new Promise(() => {}) : value.apply(target, given))
    },
  })
}
