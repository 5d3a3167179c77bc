import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { CLOSE, type HubMessage } from '../../kernel/protocol.ts'
import { PATIENCE } from '../memory/testing/patience.ts'
import { type AgentPeer, agentUrl, closeOf, connectAgentPeer } from './testing/agent-peer.ts'
import { signUp } from './testing/sign-up.ts'
import { createTestPool, piContract, type TestPool } from './testing/start-pool.ts'

let testPool: TestPool
let agents: AgentPeer[] = []
beforeEach(async () => {
  testPool = await createTestPool()
})
afterEach(async () => {
  for (const agent of agents) agent.close()
  agents = []
  await testPool.dispose()
  expect(testPool.complaints).toEqual([])
})

function connect(url: string): AgentPeer {
  const agent = connectAgentPeer(url)
  agents.push(agent)
  return agent
}

it('lets agents return what they have, gives them nothing new, and sends newcomers away', async () => {
  const pool = await testPool.start()
  const ada = await signUp(pool)
  const { id } = (await ada.call('jobs.submit', {
    contract: { ...piContract('drained', 12), verify: { mode: 'none' } },
  })) as { id: string }
  const accepted = async () =>
    ((await ada.call('jobs.get', { id })) as { progress: { accepted: number } }).progress.accepted
  const agent = connect(pool.url)
  agent.work(await agent.enrol(), 1000)
  await vi.waitFor(async () => expect(await accepted()).toBeGreaterThan(0), PATIENCE)

  const drained = pool.drain(60_000, new AbortController().signal)
  const ready = await fetch(`${pool.url}/readyz`)
  expect(ready.status).toBe(503)
  // While a slow machine computes the agent's shard in this process, the database seems not to answer either.
  expect(await ready.json()).toMatchObject({
    ready: false,
    reasons: expect.arrayContaining(['the server is about to stop']),
  })
  const newcomer = await closeOf(new WebSocket(agentUrl(pool.url)))
  expect(newcomer).toEqual({ code: CLOSE.restarting, reason: 'the hub restarts' })

  await drained
  const figures = await (await fetch(`${pool.url}/metrics`)).text()
  expect(figures).toContain('forge_hub_leases_open 0\n')
  expect(figures).toContain('forge_hub_uncommitted 0\n')
  const [, granted] = /^forge_hub_shards_leased_total (\d+)$/m.exec(figures) ?? []
  const [, durable] = /^forge_hub_shards_committed_total (\d+)$/m.exec(figures) ?? []
  // Nothing that was leased is lost.
  expect(Number(durable)).toBe(Number(granted))
  await pool.close()
  expect((await agent.closed).code).toBe(CLOSE.restarting)

  const again = await testPool.start(pool.port)
  expect(await accepted()).toBe(Number(durable))
  const next = connect(again.url)
  next.work(await next.enrol(), 1000)
  await vi.waitFor(
    async () => expect(await ada.call('jobs.get', { id })).toMatchObject({ state: 'settled' }),
    PATIENCE,
  )
})

it('names the other hubs of its site to the agents that listen', async () => {
  const first = await testPool.start()
  const second = await testPool.start()
  const agent = connect(first.url)
  const { session } = await agent.enrol()
  const heard: HubMessage[] = []
  void agent.hears(session, (message) => heard.push(message)).catch(() => undefined)
  // It knows of the other one as soon as it has asked the database.
  await vi.waitFor(async () => {
    await first.drain(0, new AbortController().signal)
    expect(heard).toContainEqual({ t: 'draining', to: [agentUrl(second.url)] })
  }, PATIENCE)
})

it('does not wait longer than it is told', async () => {
  const pool = await testPool.start()
  const ada = await signUp(pool)
  await ada.call('jobs.submit', { contract: { ...piContract('kept', 4), verify: { mode: 'none' } } })
  const holder = connect(pool.url)
  const { session } = await holder.enrol()
  await holder.firstLease(session)
  await pool.drain(200, new AbortController().signal)
  const impatient = new AbortController()
  const drained = pool.drain(600_000, impatient.signal)
  impatient.abort()
  await drained
})
