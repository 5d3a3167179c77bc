import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { bytesToHex, hexToBytes, sha256Hex } from '../../kernel/digest.ts'
import { makeKey, verifySignature } from '../../kernel/evidence/sample.test-support.ts'
import { isLeaseSigned, type Lease, leaseDigest, leaseOf } from '../../kernel/lease.ts'
import { PROTOCOL_VERSION } from '../../kernel/protocol.ts'
import { CheckingThread } from './checking/checker.ts'
import { bundleCheckingWorker } from './checking/checking-worker.test-support.ts'
import { HeldChecker } from './checking/local-checker.test-support.ts'
import type { Hub } from './hub.ts'
import { referenceReferee } from './referee/reference-referee.test-support.ts'
import { gbmContract, pictureContract, piWithTarget, productContract } from './testing/contracts.ts'
import { eventually, expectedDigest, SOFTWARE, until } from './testing/test-agent.ts'
import { LEASE_KEY, TestNetwork } from './testing/test-network.ts'

let network: TestNetwork

beforeAll(async () => {
  network = await TestNetwork.open()
})
afterEach(({ task }) => network.rest(task))
afterAll(() => network.close())

const QUORUM = { verify: { mode: 'quorum', k: 2 } } as const
const ALONE = { verify: { mode: 'none' } } as const

/** Two agents of different owners. */
const pair = (hub: Hub, one = 'alice', other = 'bob') =>
  [
    [hub, one],
    [hub, other],
  ] as const

/** Epoch of the hub that holds the job's first chunk. */
async function holderOf(id: string): Promise<number> {
  const { rows } = await network.database.pool.query<{ holder: string }>(
    'SELECT holder FROM job_chunks WHERE job_id = $1 AND chunk = 0',
    [id],
  )
  return Number(rows[0]?.holder ?? 0)
}

describe('the hub', () => {
  it('settles a job that two owners agree on, with the digest that one machine computes', async () => {
    const lost: unknown[] = []
    const checker = new CheckingThread(await bundleCheckingWorker('hub'), (why) => lost.push(why), {
      isBusy: true,
    })
    const { hub } = await network.start({ checker })
    const { row, job } = await network.submit(gbmContract('agree', 20_000))
    await hub.admit(row)
    await network.crew(pair(hub))
    const done = await network.settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(done.progress).toMatchObject({
      accepted: job.plan.shard_count,
      copies: 2 * job.plan.shard_count,
      owners: 2,
      by_method: { quorum: job.plan.shard_count, single: 0, referee: 0 },
    })
    const { rows: receipts } = await network.database.pool.query('SELECT 1 FROM receipts WHERE job_id = $1', [
      row.id,
    ])
    expect(receipts.length).toBeGreaterThanOrEqual(2)
    expect(lost).toEqual([])
  })

  it('goes on after a crash with what was accepted, and gives the same digest; the crashed hub cannot write any more', async () => {
    const said: string[] = []
    const whole = { chunkShards: 12, leaseShards: 2 }
    const start = (more = {}) => network.start({ ...whole, ...more })
    const { hub: first, seemDead } = await start({ log: (_: unknown, message: string) => said.push(message) })
    const submitted = await network.submit(pictureContract(12, 'crash', QUORUM))
    const { row, job } = submitted
    const accepted = async () => (await network.durable(submitted)).accepted
    await first.admit(row)
    const early = await network.crew(pair(first), { leases: 2 })
    await until(() => (first.progress(row.id)?.accepted ?? 0) > 0)

    await seemDead()
    const { hub: second } = await start()
    const resumed = second.progress(row.id)?.accepted ?? 0
    expect(resumed).toBeGreaterThan(0)
    expect(resumed).toBeLessThan(job.plan.shard_count)

    // Once another hub has claimed the chunk, the first one hears it at its next commit, and lives on.
    const idle = await network.work(second, 'carol', { leases: 0 })
    await until(async () => (await holderOf(row.id)) === second.epoch)
    for (const { session, leases } of early) {
      const lease_ids = leases.map(({ lease_id }) => lease_id)
      await first.release({ session, lease_ids, reason: 'stopped' })
    }
    const durable = await accepted()
    await network.crew(pair(first, 'dave', 'erin'))
    await until(() => said.includes('another hub has taken over a chunk'))
    expect(await accepted()).toBe(durable)
    idle.stop()

    await network.crew(pair(second))
    const done = await network.settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(done.progress?.accepted).toBe(job.plan.shard_count)
    expect(await accepted()).toBe(job.plan.shard_count)
  })

  it('stops a job at the look that meets its target, charges for that and cancels the rest', async () => {
    const { hub } = await network.start()
    const { row, job } = await network.submit(piWithTarget('target'))
    await hub.admit(row)
    const agents = await network.crew(pair(hub))
    const done = await network.settled(row.id)
    expect(done.covered_shards).toBe(4)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(done.progress).toMatchObject({ accepted: 4, copies: 8, by_method: { quorum: 4 } })
    expect(done.bill).toEqual({ computation: 4, verification: 4, referee: 0 })
    expect(JSON.parse(done.result ?? '').stopping).toMatchObject({ reason: 'target', shards: 4 })
    for (const { first, count } of agents.flatMap(({ leases }) => leases)) {
      const end = first + count
      expect(job.plan.looks?.filter((look) => first < look && look < end)).toEqual([])
      expect(end).toBeLessThanOrEqual(4)
    }
  })

  it('finds the same stopping point after a crash, before it and between the stop and its settlement', async () => {
    const { jobs } = network
    const { row, job } = await network.submit(piWithTarget('target'))
    const first = await network.start()
    await first.hub.admit(row)
    await network.crew(pair(first.hub), { leases: 1 })
    await until(() => (first.hub.progress(row.id)?.accepted ?? 0) > 0)

    // The second hub decides, and dies before it has stored the end.
    let hasDecided = false
    await first.seemDead()
    const second = await network.start({
      jobs: {
        ...jobs,
        settle: () => {
          hasDecided = true
          return new Promise(() => {})
        },
      },
    })
    await network.crew(pair(second.hub))
    await until(() => hasDecided)
    expect((await jobs.get(row.id))?.state).not.toBe('settled')

    // The third has no agent at all: what is durable is enough.
    await second.kill()
    await network.start()
    const done = await network.settled(row.id)
    expect(done.covered_shards).toBe(4)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(done.bill).toEqual({ computation: 4, verification: 4, referee: 0 })
  })

  it('does not hand what a pausing agent gives back to that agent again', async () => {
    const { hub } = await network.start()
    const { row } = await network.submit(pictureContract(12, 'pause', QUORUM))
    await hub.admit(row)
    const pausing = await network.work(hub, 'alice', { leases: 0 })
    const shards = () => pausing.leases.reduce((sum, { count }) => sum + count, 0)
    await until(() => shards() > 0 && shards() === hub.progress(row.id)?.in_flight)
    const lease_ids = pausing.leases.map(({ lease_id }) => lease_id)
    await hub.release({ session: pausing.session, lease_ids, reason: 'paused' })
    expect(hub.progress(row.id)?.in_flight).toBe(0)
  })

  it('ends the sessions of a revoked key, which hear why, and enrols it no more', async () => {
    const { hub } = await network.start()
    const { row } = await network.submit(pictureContract(12, 'revoked', QUORUM))
    await hub.admit(row)
    const [revoked] = [
      await network.work(hub, 'alice', { leases: 0 }),
      await network.work(hub, 'bob', { leases: 0 }),
    ]
    const owner = await network.owner('alice')
    const key = hub.agents(owner.id).find((agent) => agent.owner === 'alice')?.id ?? ''
    expect(await network.agents.revoke(key, owner.id)).toBe(true)
    expect(hub.endAgentSessions(({ agent }) => agent === key, 'its owner has revoked this key')).toBe(1)
    await revoked.over
    expect(revoked.heard.at(-1)).toEqual({ t: 'ended', reason: 'its owner has revoked this key' })
    expect(hub.agents()).toHaveLength(1)
    expect(hub.agents()[0]?.id).not.toBe(key)
    expect(hub.sessionExists(revoked.session)).toBe(false)
    await expect(revoked.start(owner)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('revoked'),
    })
    expect(hub.agents()).toHaveLength(1)
  })

  it('refuses a key that is revoked while it enrols', async () => {
    const { agents } = network
    let revoke = () => {}
    const { hub } = await network.start({
      agents: {
        ...agents,
        async enrolled(agent, probe) {
          const stored = await agents.enrolled(agent, probe)
          revoke()
          return stored
        },
      },
    })
    revoke = () => void hub.endAgentSessions(() => true, 'revoked')
    await expect(network.work(hub, 'alice')).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(hub.agents()).toEqual([])
  })

  it('lets the referee decide a disagreement, and shuts the wrong agent out', async () => {
    const judge = referenceReferee()
    const { hub } = await network.start({ referee: judge })
    const { row, job } = await network.submit(gbmContract('liar'))
    await hub.admit(row)
    // Adds the same to a payoff sum and nothing else: every invariant of a single leaf still holds.
    const corrupt = (leaf: Uint8Array) => {
      const copy = leaf.slice()
      copy[48] = (copy[48] ?? 0) ^ 1
      return copy
    }
    const liar = await network.work(hub, 'mallory', { corrupt })
    await network.work(hub, 'bob')
    const done = await network.settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(judge.runs).toBeGreaterThan(0)
    expect(liar.heard.some((message) => message.t === 'rejected')).toBe(true)
  })

  it('refuses a result whose receipt does not fit, and takes no more from that agent', async () => {
    const { hub } = await network.start()
    const { row } = await network.submit(pictureContract(4, 'receipt', QUORUM))
    await hub.admit(row)
    const forger = await network.work(hub, 'mallory', { badSignatureFrom: 1 })
    await until(() => forger.heard.some((message) => message.t === 'rejected'))
    expect(hub.progress(row.id)).toMatchObject({ accepted: 0, in_flight: 0 })
    expect(await hub.cancel(row.id)).toBe(true)
    expect((await network.jobs.get(row.id))?.state).toBe('cancelled')
  })

  it('counts a result once that comes again while it is checked, and goes on with its agent', async () => {
    const checker = new HeldChecker()
    const { hub } = await network.start({ checker })
    const { row, job } = await network.submit(pictureContract(12, 'twice at once', ALONE))
    await hub.admit(row)
    const agent = await network.work(hub, 'alice', { copies: 2 })
    await until(() => agent.outcomes.length > 0)
    expect(agent.outcomes).toEqual(['not_held'])
    expect(checker.waiting).toBe(1)
    checker.open()
    const done = await network.settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(done.progress).toMatchObject({ accepted: 12, copies: 12, by_method: { single: 12 } })
    // Each lease was answered twice, and taken once.
    const times = (outcome: string) => agent.outcomes.filter((one) => one === outcome).length
    await until(() => agent.outcomes.length === 2 * agent.leases.length)
    expect([times('received'), times('not_held')]).toEqual([agent.leases.length, agent.leases.length])
    expect(agent.heard.filter(({ t }) => t === 'rejected' || t === 'ended')).toEqual([])
  })

  it('refuses once a wrong result that comes again while it is checked', async () => {
    const checker = new HeldChecker()
    const { hub } = await network.start({ checker })
    const { row } = await network.submit(pictureContract(4, 'twice wrong', ALONE))
    await hub.admit(row)
    const forger = await network.work(hub, 'mallory', { copies: 2, badSignatureFrom: 1 })
    await until(() => forger.outcomes.length > 0)
    checker.open()
    await until(() => forger.heard.some(({ t }) => t === 'rejected'))
    expect(forger.outcomes).toEqual(['not_held'])
    expect(hub.progress(row.id)).toMatchObject({ accepted: 0, in_flight: 0 })
  })

  it('makes durable what is still being checked when it stops', async () => {
    const checker = new HeldChecker()
    const { hub } = await network.start({ checker })
    const submitted = await network.submit(pictureContract(12, 'checked at the end', ALONE))
    await hub.admit(submitted.row)
    const agent = await network.work(hub, 'alice', { leases: 1 })
    await until(() => checker.waiting === 1)
    await hub.close()
    expect((await network.durable(submitted)).accepted).toBe(agent.leases[0]?.count)
  })

  it('signs every lease with its key, for the agent that is asked', async () => {
    const { hub } = await network.start()
    const { row } = await network.submit(pictureContract(4, 'signed leases', QUORUM))
    await hub.admit(row)
    const agent = await network.work(hub, 'erin', { leases: 0 })
    const lease = await eventually(() => agent.leases[0])
    const { agent_id: id, hub_key } = agent.enrolment
    expect(hub_key).toEqual(LEASE_KEY.publicKey)
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
  })

  it('lets sessions end with the key that they began with when its key is replaced', async () => {
    let key = LEASE_KEY
    const { hub } = await network.start({ leaseKey: async () => key })
    const { row, job } = await network.submit(pictureContract(4, 'another key', QUORUM))
    const frank = await network.work(hub, 'frank')
    key = makeKey()
    const grace = await network.work(hub, 'grace')
    await hub.admit(row)
    expect((await network.settled(row.id)).result_digest).toBe(expectedDigest(job))
    expect([frank, grace].map(({ enrolment }) => bytesToHex(enrolment.hub_key))).toEqual(
      [LEASE_KEY, key].map(({ publicKey }) => bytesToHex(publicKey)),
    )
  })

  it.each<[string, (lease: Lease) => Lease]>([
    ['another range', (lease) => ({ ...lease, first: lease.first + 1 })],
    ['another epoch', (lease) => ({ ...lease, epoch: lease.epoch - 1 })],
    ['another job', (lease) => ({ ...lease, job_id: '00000000-0000-4000-8000-999999999999' })],
    ['another agent', (lease) => ({ ...lease, agent: sha256Hex('another') })],
    ['another hub', (lease) => ({ ...lease, hub: sha256Hex('another') })],
  ])('refuses a receipt for the lease of %s', async (what, bentLease) => {
    const { hub } = await network.start()
    const { row } = await network.submit(pictureContract(4, what, QUORUM))
    await hub.admit(row)
    const agent = await network.work(hub, 'mallory', { bentLease })
    const said = await eventually(() => agent.heard.find((message) => message.t === 'rejected'))
    expect(said.reason).toContain('does not fit the receipt of this lease')
    expect(hub.progress(row.id)).toMatchObject({ accepted: 0 })
  })

  it('refuses to enrol a key of small order', async () => {
    const { hub } = await network.start()
    const owner = await network.owner('small order')
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
  })

  it('multiplies matrices whose tiles travel as blobs', async () => {
    const { hub } = await network.start()
    const { contract, inputs } = await productContract(network.blobs, QUORUM)
    const { row, job } = await network.submit(contract)
    await hub.admit(row)
    await network.crew(pair(hub))
    const done = await network.settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job, inputs))
    const [artifact] = done.artifacts
    expect(artifact).toMatchObject({ name: 'c', dtype: 'int32', shape: [300, 260], bytes: 4 * 300 * 260 })
    expect(await network.blobs.stat(artifact?.digest ?? '')).toMatchObject({ bytes: 4 * 300 * 260 })
    expect(hexToBytes(artifact?.digest ?? '')).toHaveLength(32)
  })

  it('fails a job whose stored contract no longer prepares, instead of stopping the hub', async () => {
    const { row } = await network.submit(pictureContract(4, 'broken', QUORUM))
    await network.database.pool.query(`UPDATE jobs SET contract = '{"contract":9}' WHERE id = $1`, [row.id])
    await network.start()
    expect((await network.ended(row.id)).state).toBe('failed')
  })
})
