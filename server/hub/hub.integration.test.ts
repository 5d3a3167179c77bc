import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { getPublicKeyAsync, signAsync, utils } from '@noble/ed25519'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canonicalJson } from '../../kernel/canonical.ts'
import { bytesToHex, hexToBytes, sha256, sha256Hex } from '../../kernel/digest.ts'
import { makeKey, verifySignature } from '../../kernel/evidence/sample.test-support.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import { isLeaseSigned, type Lease, leaseDigest, leaseOf } from '../../kernel/lease.ts'
import { merkleRootOfDigests } from '../../kernel/merkle.ts'
import { referenceLeaf } from '../../kernel/ops/references.test-support.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { jobPrice } from '../../kernel/price.ts'
import {
  type EnrolOutput,
  type HubMessage,
  type LeaseMessage,
  PROTOCOL_VERSION,
} from '../../kernel/protocol.ts'
import { receiptBytes } from '../../kernel/receipt.ts'
import { createAgentStore } from '../memory/agent-store.ts'
import { openFileBlobStore } from '../memory/blob-store-files.ts'
import { createJobStore } from '../memory/job-store.ts'
import type { AgentStore, BlobStore, JobRow, JobStore } from '../memory/ports.ts'
import { createResultStore } from '../memory/result-store.ts'
import { SAMPLE_TERMS, sampleAccount } from '../memory/testing/samples.ts'
import { createTestDatabase, type TestDatabase } from '../memory/testing/test-database.ts'
import { createTrustStore } from '../memory/trust-store.ts'
import { Hub } from './hub.ts'
import { readBlob } from './intake.ts'
import { once } from './job-runtime.ts'
import type { HubLog } from './options.ts'
import type { Referee } from './referee/referee.ts'
import { referenceReferee } from './referee/reference-referee.test-support.ts'
import { hear } from './testing/hear.ts'
import { type SharedChunks, sharedChunks } from './testing/shared-chunks.ts'

const SOFTWARE = 'test/1'
const LEASE_KEY = makeKey()
let leaseKey = LEASE_KEY
let database: TestDatabase
let folder: string
let blobs: BlobStore

beforeAll(async () => {
  database = await createTestDatabase()
  shared = sharedChunks(database)
  folder = mkdtempSync(path.join(tmpdir(), 'forge-hub-'))
  blobs = await openFileBlobStore(folder)
})
afterAll(async () => {
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})

const referee = referenceReferee
let shared: SharedChunks

async function startHub(
  judge: Referee = referee(),
  log: HubLog = () => {},
  agents: AgentStore = createAgentStore(database),
  jobs: JobStore = createJobStore(database, SAMPLE_TERMS),
): Promise<Hub> {
  return await Hub.start({
    jobs,
    results: createResultStore(database.pool),
    blobs,
    agents,
    trust: createTrustStore(database),
    chunks: shared.chunks,
    referee: judge,
    leaseKey: async () => leaseKey,
    houseAgent: false,
    listener: { jobChanged() {}, networkChanged() {} },
    log,
    fatal: () => {},
  })
}

let submissions = 0
async function submit(contract: object): Promise<{ row: JobRow; job: PreparedJob }> {
  const job = OPS.prepare(contract)
  const price = jobPrice(job.plan, { mode: 'quorum', k: 2 })
  const owner = await sampleAccount(database, 'submitter')
  const id = `00000000-0000-4000-8000-${String(++submissions).padStart(12, '0')}`
  const { job: row } = await createJobStore(database, SAMPLE_TERMS).insert({
    id,
    owner_id: owner.id,
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

const gbm = (paths: number, seed: string) => ({
  contract: 1,
  op: { name: 'mc', version: 1, profile: 'gbm.v1' },
  args: { ...OPS.get('mc@1/gbm.v1').example, steps: 512, paths },
  seed: { mode: 'explicit', value: seed },
  verify: { mode: 'quorum', k: 2 },
})

/** Ten shards at most; the standard error meets the target after four of them. */
const piWithTarget = (seed: string) => ({
  contract: 1,
  op: { name: 'mc', version: 1, profile: 'pi.v1' },
  args: { points: 10 * 2 ** 22, convergence: { target: { standard_error: 0.00042 } } },
  seed: { mode: 'explicit', value: seed },
  verify: { mode: 'quorum', k: 2 },
})

/** What has been computed: an agent that repeats another's shard, and the test itself, need not do it again. */
const computed = new Map<string, Uint8Array>()
function leafOf(job: PreparedJob, shard: number, inputs: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const key = `${job.replayKey} ${shard}`
  const leaf = computed.get(key) ?? referenceLeaf(job, shard, inputs)
  computed.set(key, leaf)
  return leaf
}

/** The result that one machine alone computes. */
function expectedDigest(job: PreparedJob, inputs = new Map<string, Uint8Array>()): string {
  const aggregate = job.newAggregate()
  for (let shard = 0; aggregate.covered === undefined; shard++)
    aggregate.add(shard, leafOf(job, shard, inputs))
  return sha256Hex(canonicalJson(aggregate.finish().result))
}

interface Behaviour {
  /** Changes a leaf before it is hashed. */
  readonly corrupt?: (leaf: Uint8Array) => Uint8Array
  readonly badSignature?: boolean
  /** Signs a receipt for another lease than it was given. */
  readonly bentLease?: (lease: Lease) => Lease
  /** Answers at most so many leases. */
  readonly leases?: number
}

/** An agent that speaks to the hub directly, with real arithmetic and real receipts. */
class TestAgent {
  readonly heard: HubMessage[] = []
  session = ''
  readonly #hub: Hub
  #enrolment: EnrolOutput | undefined
  readonly #secret = utils.randomSecretKey()
  readonly #stop = new AbortController()
  #answered = 0

  constructor(hub: Hub) {
    this.#hub = hub
  }

  async run(owner: string, behaviour: Behaviour = {}): Promise<void> {
    const row = await sampleAccount(database, owner)
    const enrolled = await this.#hub.enrol(
      {
        v: PROTOCOL_VERSION,
        public_key: new Uint8Array(await getPublicKeyAsync(this.#secret)),
        executor: { kind: 'cpu', label: owner },
        software: SOFTWARE,
        window: 2,
      },
      { ownerId: row.id, ownerLabel: row.label },
    )
    this.session = enrolled.session
    this.#enrolment = enrolled
    for await (const message of hear(this.#hub, enrolled.session, this.#stop.signal)) {
      this.heard.push(message)
      if (message.t !== 'lease') continue
      if (this.#answered++ >= (behaviour.leases ?? Number.POSITIVE_INFINITY)) continue
      await this.#answer(enrolled, message, behaviour).catch(() => {})
    }
  }

  get enrolment(): EnrolOutput {
    if (this.#enrolment === undefined) throw new Error('not enrolled')
    return this.#enrolment
  }

  stop(): void {
    this.#stop.abort()
  }

  async #answer(
    { session, agent_id, hub_key }: EnrolOutput,
    lease: LeaseMessage,
    behaviour: Behaviour,
  ): Promise<void> {
    const { canonical } = await this.#hub.contract(session, lease.contract_hash)
    expect(sha256Hex(canonical)).toBe(lease.contract_hash)
    const job = OPS.prepare(JSON.parse(canonical))
    const inputs = new Map<string, Uint8Array>()
    for (const [name, { digest }] of Object.entries(job.contract.inputs))
      inputs.set(name, await readBlob(blobs, digest))
    const leaves: Uint8Array<ArrayBuffer>[] = []
    const digests = new Uint8Array(32 * lease.count)
    for (let offset = 0; offset < lease.count; offset++) {
      const leaf = leafOf(job, lease.first + offset, inputs)
      const given = new Uint8Array(behaviour.corrupt?.(leaf) ?? leaf)
      if (job.plan.leaf.kind === 'blob') await blobs.put(once(given))
      else leaves.push(given)
      digests.set(sha256(given), 32 * offset)
    }
    const root = new Uint8Array(merkleRootOfDigests(digests))
    const leased = leaseOf(lease, { job_id: lease.job_id, agent: agent_id, hub: sha256Hex(hub_key) })
    const signature = new Uint8Array(
      await signAsync(
        receiptBytes({
          receipt: 2,
          lease_id: lease.lease_id,
          epoch: lease.epoch,
          contract_hash: lease.contract_hash,
          plan_digest: lease.plan_digest,
          first: lease.first,
          count: lease.count,
          result_root: Buffer.from(root).toString('hex'),
          executor: 'cpu',
          lease: bytesToHex(leaseDigest(behaviour.bentLease?.(leased) ?? leased)),
          software: behaviour.badSignature === true ? 'another/1' : SOFTWARE,
        }),
        this.#secret,
      ),
    )
    await this.#hub.result({
      v: PROTOCOL_VERSION,
      session,
      lease_id: lease.lease_id,
      epoch: lease.epoch,
      executor: 'cpu',
      digests,
      result_root: root,
      leaves,
      elapsed_ms: 1,
      signature,
    })
  }
}

async function settled(id: string): Promise<JobRow> {
  return await eventually(async () => {
    const row = await createJobStore(database, SAMPLE_TERMS).get(id)
    return row?.state === 'settled' ? row : undefined
  })
}

/** Asks again on every turn of the event loop's timers until there is an answer; the test's own time-out ends it. */
async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Shards in the rows of a job. */
async function acceptedOf(id: string): Promise<number> {
  const { rows } = await database.pool.query<{ shards: number }>(
    'SELECT coalesce(sum(shard_count), 0)::int AS shards FROM result_groups WHERE job_id = $1',
    [id],
  )
  return rows[0]?.shards ?? 0
}

/** Epoch of the hub that holds the job's first chunk. */
async function holderOf(id: string): Promise<number> {
  const { rows } = await database.pool.query<{ holder: string }>(
    'SELECT holder FROM job_chunks WHERE job_id = $1 AND chunk = 0',
    [id],
  )
  return Number(rows[0]?.holder ?? 0)
}

describe('the hub', () => {
  it('settles a job that two owners agree on, with the digest that one machine computes', async () => {
    const hub = await startHub()
    const { row, job } = await submit(gbm(20_000, 'agree'))
    await hub.admit(row)
    const agents = [new TestAgent(hub), new TestAgent(hub)]
    const runs = [agents[0]?.run('alice'), agents[1]?.run('bob')]
    const done = await settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(done.progress).toMatchObject({
      accepted: job.plan.shard_count,
      copies: 2 * job.plan.shard_count,
      owners: 2,
      by_method: { quorum: job.plan.shard_count, single: 0, referee: 0 },
    })
    const { rows: receipts } = await database.pool.query('SELECT 1 FROM receipts WHERE job_id = $1', [row.id])
    expect(receipts.length).toBeGreaterThanOrEqual(2)
    for (const agent of agents) agent.stop()
    await Promise.all(runs)
    await hub.close()
  })

  it('goes on after a crash with what was accepted, and gives the same digest; the crashed hub cannot write any more', async () => {
    const said: string[] = []
    const first = await startHub(referee(), (_, message) => said.push(message))
    const { row, job } = await submit(gbm(48_000, 'crash'))
    await first.admit(row)
    const early = [new TestAgent(first), new TestAgent(first)]
    const earlyRuns = [early[0]?.run('alice', { leases: 2 }), early[1]?.run('bob', { leases: 2 })]
    await eventually(async () => ((first.progress(row.id)?.accepted ?? 0) > 0 ? true : undefined))

    await shared.die(first.epoch)
    const second = await startHub()
    const resumed = second.progress(row.id)?.accepted ?? 0
    expect(resumed).toBeGreaterThan(0)
    expect(resumed).toBeLessThan(job.plan.shard_count)

    // Once another hub has claimed the chunk, the first one hears it at its next commit, and lives on.
    const idle = new TestAgent(second)
    const idleRun = idle.run('carol', { leases: 0 })
    await eventually(async () => ((await holderOf(row.id)) === second.epoch ? true : undefined))
    for (const { session, heard } of early) {
      const lease_ids = heard.flatMap((message) => (message.t === 'lease' ? [message.lease_id] : []))
      await first.release({ session, lease_ids, reason: 'stopped' })
    }
    const durable = await acceptedOf(row.id)
    const stale = [new TestAgent(first), new TestAgent(first)]
    const staleRuns = [stale[0]?.run('dave'), stale[1]?.run('erin')]
    await eventually(async () => (said.includes('another hub has taken over a chunk') ? true : undefined))
    expect(await acceptedOf(row.id)).toBe(durable)
    idle.stop()
    await idleRun

    const late = [new TestAgent(second), new TestAgent(second)]
    const lateRuns = [late[0]?.run('alice'), late[1]?.run('bob')]
    const done = await settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(done.progress?.accepted).toBe(job.plan.shard_count)
    expect(await acceptedOf(row.id)).toBe(job.plan.shard_count)
    for (const agent of [...early, ...late, ...stale]) agent.stop()
    await Promise.all([...earlyRuns, ...lateRuns, ...staleRuns])
    await first.close()
    await second.close()
  })

  it('stops a job at the look that meets its target, charges for that and cancels the rest', async () => {
    const hub = await startHub()
    const { row, job } = await submit(piWithTarget('target'))
    await hub.admit(row)
    const agents = [new TestAgent(hub), new TestAgent(hub)]
    const runs = [agents[0]?.run('alice'), agents[1]?.run('bob')]
    const done = await settled(row.id)
    expect(done.covered_shards).toBe(4)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(done.progress).toMatchObject({ accepted: 4, copies: 8, by_method: { quorum: 4 } })
    expect(done.bill).toEqual({ computation: 4, verification: 4, referee: 0 })
    expect(JSON.parse(done.result ?? '').stopping).toMatchObject({ reason: 'target', shards: 4 })
    for (const agent of agents) {
      for (const message of agent.heard) {
        if (message.t !== 'lease') continue
        const end = message.first + message.count
        expect(job.plan.looks?.filter((look) => message.first < look && look < end)).toEqual([])
        expect(end).toBeLessThanOrEqual(4)
      }
    }
    for (const agent of agents) agent.stop()
    await Promise.all(runs)
    await hub.close()
  })

  it('finds the same stopping point after a crash, before it and between the stop and its settlement', async () => {
    const store = createJobStore(database, SAMPLE_TERMS)
    const { row, job } = await submit(piWithTarget('target, crash'))
    const first = await startHub()
    await first.admit(row)
    const early = [new TestAgent(first), new TestAgent(first)]
    const earlyRuns = early.map((agent, at) => agent.run(at === 0 ? 'alice' : 'bob', { leases: 1 }))
    await eventually(async () => ((first.progress(row.id)?.accepted ?? 0) > 0 ? true : undefined))

    // The second hub decides, and dies before it has stored the end.
    let hasDecided = false
    await shared.die(first.epoch)
    const second = await startHub(referee(), () => {}, createAgentStore(database), {
      ...store,
      settle: () => {
        hasDecided = true
        return new Promise(() => {})
      },
    })
    const late = [new TestAgent(second), new TestAgent(second)]
    const lateRuns = late.map((agent, at) => agent.run(at === 0 ? 'alice' : 'bob'))
    await eventually(async () => (hasDecided ? true : undefined))
    expect((await store.get(row.id))?.state).not.toBe('settled')

    // The third has no agent at all: what is durable is enough.
    await shared.die(second.epoch)
    const third = await startHub()
    const done = await settled(row.id)
    expect(done.covered_shards).toBe(4)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(done.bill).toEqual({ computation: 4, verification: 4, referee: 0 })
    for (const agent of [...early, ...late]) agent.stop()
    await Promise.all([...earlyRuns, ...lateRuns])
    await first.close()
    await third.close()
  })

  it('does not hand what a pausing agent gives back to that agent again', async () => {
    const hub = await startHub()
    const { row } = await submit(gbm(20_000, 'pause'))
    await hub.admit(row)
    const pausing = new TestAgent(hub)
    const run = pausing.run('alice', { leases: 0 })
    const held = () => pausing.heard.flatMap((message) => (message.t === 'lease' ? [message] : []))
    const shards = () => held().reduce((sum, { count }) => sum + count, 0)
    await eventually(async () =>
      shards() > 0 && shards() === hub.progress(row.id)?.in_flight ? true : undefined,
    )
    const lease_ids = held().map(({ lease_id }) => lease_id)
    await hub.release({ session: pausing.session, lease_ids, reason: 'paused' })
    expect(hub.progress(row.id)?.in_flight).toBe(0)
    pausing.stop()
    await run
    await hub.cancel(row.id)
    await hub.close()
  })

  it('ends the sessions of a revoked key, which hear why, and enrols it no more', async () => {
    const hub = await startHub()
    const { row } = await submit(gbm(20_000, 'revoked'))
    await hub.admit(row)
    const [revoked, other] = [new TestAgent(hub), new TestAgent(hub)]
    const run = revoked.run('alice', { leases: 0 })
    const otherRun = other.run('bob', { leases: 0 })
    await eventually(async () => (revoked.heard.length > 0 && other.heard.length > 0 ? true : undefined))
    const owner = await sampleAccount(database, 'alice')
    const key = hub.agents(owner.id).find((agent) => agent.owner === 'alice')?.id ?? ''
    expect(await createAgentStore(database).revoke(key, owner.id)).toBe(true)
    expect(hub.endAgentSessions(({ agent }) => agent === key, 'its owner has revoked this key')).toBe(1)
    await run
    expect(revoked.heard.at(-1)).toEqual({ t: 'ended', reason: 'its owner has revoked this key' })
    expect(hub.agents()).toHaveLength(1)
    expect(hub.agents()[0]?.id).not.toBe(key)
    expect(hub.sessionExists(revoked.session)).toBe(false)
    await expect(revoked.run('alice')).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('revoked'),
    })
    expect(hub.agents()).toHaveLength(1)
    other.stop()
    await otherRun
    await hub.cancel(row.id)
    await hub.close()
  })

  it('refuses a key that is revoked while it enrols', async () => {
    const agents = createAgentStore(database)
    let revoke = () => {}
    const hub = await startHub(referee(), () => {}, {
      ...agents,
      async enrolled(agent, probe) {
        const stored = await agents.enrolled(agent, probe)
        revoke()
        return stored
      },
    })
    revoke = () => void hub.endAgentSessions(() => true, 'revoked')
    await expect(new TestAgent(hub).run('alice')).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(hub.agents()).toEqual([])
    await hub.close()
  })

  it('lets the referee decide a disagreement, and shuts the wrong agent out', async () => {
    const judge = referee()
    const hub = await startHub(judge)
    const { row, job } = await submit(gbm(2000, 'liar'))
    await hub.admit(row)
    // Adds the same to a payoff sum and nothing else: every invariant of a single leaf still holds.
    const corrupt = (leaf: Uint8Array) => {
      const copy = leaf.slice()
      copy[48] = (copy[48] ?? 0) ^ 1
      return copy
    }
    const liar = new TestAgent(hub)
    const honest = new TestAgent(hub)
    const runs = [liar.run('mallory', { corrupt }), honest.run('bob')]
    const done = await settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(judge.runs).toBeGreaterThan(0)
    expect(liar.heard.some((message) => message.t === 'rejected')).toBe(true)
    liar.stop()
    honest.stop()
    await Promise.all(runs)
    await hub.close()
  })

  it('refuses a result whose receipt does not fit, and takes no more from that agent', async () => {
    const hub = await startHub()
    const { row } = await submit(gbm(2000, 'receipt'))
    await hub.admit(row)
    const forger = new TestAgent(hub)
    const run = forger.run('mallory', { badSignature: true })
    await eventually(async () =>
      forger.heard.some((message) => message.t === 'rejected') ? true : undefined,
    )
    expect(hub.progress(row.id)).toMatchObject({ accepted: 0, in_flight: 0 })
    expect(await hub.cancel(row.id)).toBe(true)
    expect((await createJobStore(database, SAMPLE_TERMS).get(row.id))?.state).toBe('cancelled')
    forger.stop()
    await run
    await hub.close()
  })

  it('signs every lease with its key, for the agent that is asked', async () => {
    const hub = await startHub()
    const { row } = await submit(gbm(2000, 'signed leases'))
    await hub.admit(row)
    const agent = new TestAgent(hub)
    const run = agent.run('erin', { leases: 0 })
    const lease = await eventually(async () =>
      agent.heard.find((message) => message.t === 'lease' && message.job_id === row.id),
    )
    const { agent_id: id, hub_key } = agent.enrolment
    expect(hub_key).toEqual(LEASE_KEY.publicKey)
    if (lease?.t !== 'lease') throw new Error('a lease was heard')
    const said = leaseOf(lease, { job_id: row.id, agent: id, hub: sha256Hex(hub_key) })
    const isSigned = (one: Lease) =>
      isLeaseSigned(leaseDigest(one), lease.proof, LEASE_KEY.publicKey, verifySignature)
    expect(await isSigned(said)).toBe(true)
    for (const other of [
      { agent: sha256Hex('another') },
      { first: said.first + 1 },
      { count: said.count + 1 },
      { epoch: said.epoch + 1 },
      { job_id: '00000000-0000-4000-8000-999999999999' },
    ])
      expect(await isSigned({ ...said, ...other })).toBe(false)
    expect(await isLeaseSigned(leaseDigest(said), lease.proof, makeKey().publicKey, verifySignature)).toBe(
      false,
    )
    await hub.cancel(row.id)
    agent.stop()
    await run
    await hub.close()
  })

  it('lets sessions end with the key that they began with when its key is replaced', async () => {
    const hub = await startHub()
    const { row, job } = await submit(gbm(2000, 'another key'))
    const agents = [new TestAgent(hub), new TestAgent(hub)]
    const runs = [agents[0]?.run('frank')]
    await eventually(async () => (hub.agents().length === 1 ? true : undefined))
    leaseKey = makeKey()
    runs.push(agents[1]?.run('grace'))
    await eventually(async () => (hub.agents().length === 2 ? true : undefined))
    await hub.admit(row)
    expect((await settled(row.id)).result_digest).toBe(expectedDigest(job))
    expect(agents.map(({ enrolment }) => bytesToHex(enrolment.hub_key))).toEqual(
      [LEASE_KEY, leaseKey].map(({ publicKey }) => bytesToHex(publicKey)),
    )
    for (const agent of agents) agent.stop()
    await Promise.all(runs)
    leaseKey = LEASE_KEY
    await hub.close()
  })

  it.each<[string, (lease: Lease) => Lease]>([
    ['another range', (lease) => ({ ...lease, first: lease.first + 1 })],
    ['another epoch', (lease) => ({ ...lease, epoch: lease.epoch - 1 })],
    ['another job', (lease) => ({ ...lease, job_id: '00000000-0000-4000-8000-999999999999' })],
    ['another agent', (lease) => ({ ...lease, agent: sha256Hex('another') })],
    ['another hub', (lease) => ({ ...lease, hub: sha256Hex('another') })],
  ])('refuses a receipt for the lease of %s', async (what, bentLease) => {
    const hub = await startHub()
    const { row } = await submit(gbm(2000, `receipt of ${what}`))
    await hub.admit(row)
    const agent = new TestAgent(hub)
    const run = agent.run('mallory', { bentLease })
    const said = await eventually(async () => agent.heard.find((message) => message.t === 'rejected'))
    expect(said.reason).toContain('does not fit the receipt of this lease')
    expect(hub.progress(row.id)).toMatchObject({ accepted: 0 })
    await hub.cancel(row.id)
    agent.stop()
    await run
    await hub.close()
  })

  it('refuses to enrol a key of small order', async () => {
    const hub = await startHub()
    const owner = await sampleAccount(database, 'small order')
    const public_key = new Uint8Array(32)
    public_key[0] = 1
    const enrolment = {
      v: PROTOCOL_VERSION,
      public_key,
      executor: { kind: 'cpu', label: 'x' },
      software: SOFTWARE,
      window: 1,
    } as const
    await expect(hub.enrol(enrolment, { ownerId: owner.id, ownerLabel: '' })).rejects.toMatchObject({
      code: 'MESSAGE_INVALID',
      path: 'public_key',
    })
    await hub.close()
  })

  it('multiplies matrices whose tiles travel as blobs', async () => {
    const hub = await startHub()
    const a = new Uint8Array(300 * 70).map((_, index) => (index * 31) % 256)
    const b = new Uint8Array(70 * 260).map((_, index) => (index * 17) % 256)
    for (const operand of [a, b]) await blobs.put(once(operand))
    const { row, job } = await submit({
      contract: 1,
      op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
      args: {},
      inputs: {
        a: { digest: sha256Hex(a), dtype: 'int8', shape: [300, 70] },
        b: { digest: sha256Hex(b), dtype: 'int8', shape: [70, 260] },
      },
      seed: { mode: 'derived' },
      verify: { mode: 'quorum', k: 2 },
    })
    await hub.admit(row)
    const inputs = new Map([
      ['a', a],
      ['b', b],
    ])
    const agents = [new TestAgent(hub), new TestAgent(hub)]
    const runs = [agents[0]?.run('alice'), agents[1]?.run('bob')]
    const done = await settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job, inputs))
    const [artifact] = done.artifacts
    expect(artifact).toMatchObject({ name: 'c', dtype: 'int32', shape: [300, 260], bytes: 4 * 300 * 260 })
    expect(await blobs.stat(artifact?.digest ?? '')).toMatchObject({ bytes: 4 * 300 * 260 })
    expect(hexToBytes(artifact?.digest ?? '')).toHaveLength(32)
    for (const agent of agents) agent.stop()
    await Promise.all(runs)
    await hub.close()
  })

  it('fails a job whose stored contract no longer prepares, instead of stopping the hub', async () => {
    const { row } = await submit(gbm(2000, 'broken'))
    await database.pool.query(`UPDATE jobs SET contract = '{"contract":9}' WHERE id = $1`, [row.id])
    const hub = await startHub()
    await eventually(async () =>
      (await createJobStore(database, SAMPLE_TERMS).get(row.id))?.state === 'failed' ? true : undefined,
    )
    await hub.close()
  })
})
