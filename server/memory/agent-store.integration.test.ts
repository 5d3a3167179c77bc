import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sha256Hex } from '../../kernel/digest.ts'
import type { ProbeReport } from '../../kernel/probe-report.ts'
import { createAgentStore } from './agent-store.ts'
import { createJobStore } from './job-store.ts'
import { createOwnerStore } from './owner-store.ts'
import type { AgentStore, AgentWork } from './ports/agents.ts'
import type { OwnerRow } from './ports/owners.ts'
import { SAMPLE_TERMS, sampleAccount, sampleJob } from './testing/samples.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'

const SAID = { executor: 'webgpu', label: 'a laptop', software: 'forge-pool/0', site_id: null } as const
const PROBE: ProbeReport = {
  kind: 'webgpu',
  label: 'a laptop',
  ok: true,
  checks: [{ name: '128-bit carry chain', ok: true }],
  max_iterations: 262_144,
  golden: [{ op: 'mc@1/pi.v1', ok: true }],
  speed: 1e6,
}

let database: TestDatabase
let agents: AgentStore
let alice: OwnerRow
let bob: OwnerRow
let network: OwnerRow
let pi: string
let gbm: string
let keys = 0
const newKey = () => sha256Hex(`key ${++keys}`)

beforeAll(async () => {
  database = await createTestDatabase()
  agents = createAgentStore(database)
  const owners = createOwnerStore(database)
  alice = await sampleAccount(database, 'alice')
  bob = await sampleAccount(database, 'bob')
  network = await owners.network('203.0.113.0/24')
  const jobs = createJobStore(database, SAMPLE_TERMS)
  pi = (await jobs.insert(sampleJob(alice.id))).job.id
  gbm = (await jobs.insert(sampleJob(alice.id, { op: 'mc@1/gbm.v1' }))).job.id
})
afterAll(() => database.close())

const work = (id: string, more: Partial<AgentWork> = {}): AgentWork => ({
  id,
  owner_id: alice.id,
  executor: 'webgpu',
  job_id: pi,
  shards: 1,
  leases: 1,
  ...more,
})

describe('agents in PostgreSQL', () => {
  it('keep what an agent says about itself, and sum its work by executor and op', async () => {
    const [id, other] = [newKey(), newKey()]
    await agents.enrolled({ id, owner_id: alice.id, ...SAID }, [PROBE])
    await agents.enrolled({ id: other, owner_id: alice.id, ...SAID }, [])
    await agents.credit([
      work(id, { shards: 64 }),
      work(other, { shards: 3 }),
      work(id, { shards: 36, job_id: gbm }),
    ])
    await agents.enrolled({ id, owner_id: alice.id, ...SAID, executor: 'cpu', label: 'the same, its CPU' }, [
      { ...PROBE, ok: false, reason: 'the device was lost' },
      { ...PROBE, kind: 'cpu', label: 'the same, its CPU', checks: [] },
    ])
    await agents.credit([work(id, { executor: 'cpu', shards: 1, leases: 0 })])
    await agents.credit([])
    const agent = await agents.get(id)
    expect(agent).toMatchObject({ owner_id: alice.id, label: 'the same, its CPU', shards: 101, leases: 2 })
    expect(agent?.last_seen.getTime()).toBeGreaterThanOrEqual(agent?.first_seen.getTime() ?? 0)
    expect(agent?.executors).toEqual([
      expect.objectContaining({
        executor: 'cpu',
        shards: 1,
        leases: 0,
        probe: expect.objectContaining({ ok: true }),
      }),
      expect.objectContaining({
        executor: 'webgpu',
        shards: 100,
        leases: 2,
        last_seen: expect.any(Date),
        probe: { ...PROBE, ok: false, reason: 'the device was lost' },
      }),
    ])
    expect(agent?.ops).toEqual([
      { op: 'mc@1/pi.v1', shards: 65 },
      { op: 'mc@1/gbm.v1', shards: 36 },
    ])
    expect(await agents.get(other)).toMatchObject({ shards: 3, leases: 1, executors: [{ probe: null }] })
    expect(await agents.get(newKey())).toBeUndefined()
  })

  it('know an executor that was tried and never used', async () => {
    const id = newKey()
    const broken = { ...PROBE, ok: false, reason: 'this device computes wrongly', checks: [] }
    await agents.enrolled({ id, owner_id: alice.id, ...SAID, executor: 'cpu' }, [broken])
    expect((await agents.get(id))?.executors).toEqual([
      expect.objectContaining({ executor: 'cpu', last_seen: expect.any(Date), probe: null }),
      expect.objectContaining({ executor: 'webgpu', last_seen: null, shards: 0, probe: broken }),
    ])
  })

  it('do not change hands by a key that was only named, but follow signed work out of a network', async () => {
    const [mine, anonymous] = [newKey(), newKey()]
    await agents.enrolled({ id: mine, owner_id: alice.id, ...SAID }, [])
    await agents.enrolled({ id: mine, owner_id: bob.id, ...SAID }, [])
    await agents.enrolled({ id: mine, owner_id: network.id, ...SAID }, [])
    await agents.credit([work(mine, { owner_id: bob.id })])
    expect((await agents.get(mine))?.owner_id).toBe(alice.id)

    await agents.enrolled({ id: anonymous, owner_id: network.id, ...SAID }, [])
    await agents.enrolled({ id: anonymous, owner_id: bob.id, ...SAID }, [])
    expect((await agents.get(anonymous))?.owner_id).toBe(network.id)
    const elsewhere = await createOwnerStore(database).network('198.51.100.0/24')
    await agents.enrolled({ id: anonymous, owner_id: elsewhere.id, ...SAID }, [])
    expect((await agents.get(anonymous))?.owner_id).toBe(elsewhere.id)
    await agents.credit([work(anonymous, { owner_id: elsewhere.id }), work(anonymous, { owner_id: bob.id })])
    expect((await agents.get(anonymous))?.owner_id).toBe(bob.id)
  })

  it('are named and revoked by their owner alone, and a revoked one is left as it was', async () => {
    const id = newKey()
    await agents.enrolled({ id, owner_id: alice.id, ...SAID }, [])
    expect(await agents.rename(id, bob.id, 'mine now')).toBe(false)
    expect(await agents.revoke(id, bob.id)).toBe(false)
    expect(await agents.rename(id, alice.id, 'kitchen')).toBe(true)
    expect(await agents.revoke(id, alice.id)).toBe(true)
    const revoked = await agents.get(id)
    expect(revoked).toMatchObject({ name: 'kitchen', revoked_at: expect.any(Date) })
    expect(await agents.enrolled({ id, owner_id: bob.id, ...SAID, label: 'back again' }, [PROBE])).toBe(false)
    expect(await agents.revoke(id, alice.id)).toBe(true)
    expect(await agents.get(id)).toEqual(revoked)
  })

  it('are listed by owner, the one seen last first', async () => {
    const carol = await sampleAccount(database, 'carol')
    const [first, second] = [newKey(), newKey()]
    for (const id of [first, second]) await agents.enrolled({ id, owner_id: carol.id, ...SAID }, [])
    await agents.credit([work(first, { owner_id: carol.id })])
    expect((await agents.ofOwner(carol.id, 10)).map(({ id }) => id)).toEqual([first, second])
    expect(await agents.ofOwner(carol.id, 1)).toHaveLength(1)
  })
})
