import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { pictureContract } from './testing/contracts.ts'
import { expectedDigest, TestAgent, until } from './testing/test-agent.ts'
import { TestNetwork } from './testing/test-network.ts'

let network: TestNetwork

beforeAll(async () => {
  network = await TestNetwork.open()
})
afterEach(({ task }) => network.rest(task))
afterAll(() => network.close())

const none = { mode: 'none' } as const

describe('scheduling on a real store', () => {
  it('leases a job to those alone who chose its cause, as many as its policy asks for, and says why it waits', async () => {
    const { hub } = await network.start()
    const { row, job } = await network.submit(
      pictureContract(16, 'cause', { verify: none, policy: { min_agents: 2 } }),
    )
    await hub.admit(row)
    const other = await network.work(hub, 'bob', { causes: ['mc', 'tensor'] })
    expect(hub.waiting(row.id)).toMatchObject({ t: 'nobody', cause: 'media' })
    const one = await network.work(hub, 'alice', { causes: ['media'] })
    await until(() => hub.waiting(row.id)?.t === 'few')
    expect(one.heard).toEqual([])
    await network.work(hub, 'bob')
    const done = await network.settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(other.heard).toEqual([])
  })

  it('has no more agents at work than the policy allows', async () => {
    const { hub } = await network.start({ leaseShards: 1 })
    const { row } = await network.submit(
      pictureContract(16, 'most', { verify: none, policy: { max_agents: 1 } }),
    )
    // It takes a lease and never answers: it is the one.
    const one = await network.work(hub, 'alice', { leases: 0 })
    await hub.admit(row)
    await until(() => one.leases.length > 0)
    const two = await network.work(hub, 'bob')
    expect(hub.network().agents).toBe(2)
    expect(two.heard).toEqual([])
    const { id: alice } = await network.owner('alice')
    expect(hub.endAgentSessions(({ ownerId }) => ownerId === alice, 'the test is over')).toBe(1)
    await network.settled(row.id)
    expect(two.heard.length).toBeGreaterThan(0)
  })

  it('ends a job that nobody can do at its time limit, and releases what was held', async () => {
    const { hub } = await network.start()
    const policy = { target: 'gpu', timeout_ms: 1000 } as const
    const { row } = await network.submit(pictureContract(1, 'timeout', { verify: none, policy }))
    const agent = await network.work(hub, 'alice')
    await hub.admit(row)
    const done = await network.ended(row.id)
    expect(done.state).toBe('expired')
    expect(done.bill).toEqual({ computation: 0, verification: 0, referee: 0 })
    expect(agent.heard).toEqual([])
  })

  it('keeps a paused job paused across a restart, and finishes it when it is resumed', async () => {
    const { hub: first } = await network.start({ leaseShards: 1 })
    const { row, job } = await network.submit(pictureContract(16, 'pause', { verify: none }))
    await first.admit(row)
    const agent = await network.work(first, 'alice', { leases: 1 })
    await until(() => agent.heard.some(({ t }) => t === 'accepted'))
    expect(await network.jobs.setPaused(row.id, true)).toBe(true)
    first.pause(row.id, true)
    expect(first.waiting(row.id)).toEqual({ t: 'paused' })
    await first.close()

    const { hub: second } = await network.start({ leaseShards: 1 })
    const next = await network.work(second, 'bob')
    expect(next.heard).toEqual([])
    expect(second.waiting(row.id)).toEqual({ t: 'paused' })
    expect(await network.jobs.setPaused(row.id, false)).toBe(true)
    second.pause(row.id, false)
    expect((await network.settled(row.id)).result_digest).toBe(expectedDigest(job))
    expect(await network.jobs.setPaused(row.id, true)).toBe(false)
  })

  it('asks an agent on probation what it knows, keeps the answers out of the job, and lets the network pay', async () => {
    const { hub } = await network.start({ leaseShards: 2 })
    const suspect = new TestAgent(hub, network.blobs)
    const id = await network.known(suspect, 'bob')
    await network.trust.failed([
      { agent: id, executor: 'cpu', reason: 'it was wrong before', job_id: undefined },
    ])
    expect(await network.trust.appeal(id, 'cpu')).toBe(true)
    await network.begin(suspect, 'bob')
    await network.work(hub, 'alice')
    // One lease in ten is a canary, by the hub's secret dice: it may take more than one job.
    for (let round = 0; ; round++) {
      const verify = { mode: 'spotcheck', rate: 1 } as const
      const { row, job } = await network.submit(pictureContract(60, `canary ${round}`, { verify }))
      await hub.admit(row)
      const done = await network.settled(row.id)
      expect(done.result_digest).toBe(expectedDigest(job))
      expect(done.progress?.accepted).toBe(job.plan.shard_count)
      const answers = await network.database.prisma.canary_answers.findMany({ where: { job_id: row.id } })
      expect(done.progress?.checks).toMatchObject({ canaries: answers.length, canaries_bad: 0 })
      if (answers.length === 0) continue
      expect(new Set(answers.map(({ agent }) => agent))).toEqual(new Set([id]))
      const paid = await network.database.prisma.credit_transfers.findMany({
        where: { job_id: row.id, debit_account: 'network', code: 'contribution' },
      })
      expect(paid.map(({ credit_account }) => credit_account)).toEqual([
        `owner:${(await network.owner('bob')).id}`,
      ])
      break
    }
  })
})
