import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import type { JobRoom } from '../../kernel/api.ts'
import { connectAgentPeer } from './testing/agent-peer.ts'
import { type SignedUp, signUp } from './testing/sign-up.ts'
import { createTestPool, piContract, type RunningPool, type TestPool } from './testing/start-pool.ts'

let testPool: TestPool
let first: RunningPool
let second: RunningPool
let ada: SignedUp

beforeAll(async () => {
  testPool = await createTestPool()
  first = await testPool.start()
  second = await testPool.start()
  ada = await signUp(first)
})
afterAll(() => testPool.dispose())

/** Calls of the same person at another server: sessions are the database's. */
async function get(server: RunningPool, path: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${server.url}${path}`, { headers: ada.headers })
  expect(response.status).toBe(200)
  return (await response.json()) as Record<string, unknown>
}

describe('two servers of one database', () => {
  it('share a job: submitted at one, computed at the other, seen at both, recorded once', async () => {
    expect(second.epoch).not.toBe(first.epoch)
    const { id } = (await ada.call('jobs.submit', {
      contract: { ...piContract('two servers', 3), verify: { mode: 'none' } },
    })) as { id: string }
    const doc = new Y.Doc()
    await ada.call('jobs.publish', { id, visibility: 'public' })
    const provider = new WebsocketProvider(
      `${first.url.replace('http', 'ws')}/live`,
      `job:${id}@${first.epoch}`,
      doc,
      {
        WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
        disableBc: true,
      },
    )
    const shown = () => doc.getMap('job').toJSON() as JobRoom
    await vi.waitFor(() => expect(shown().progress).toMatchObject({ accepted: 0 }), { timeout: 20_000 })
    const agent = connectAgentPeer(second.url)
    agent.work(await agent.enrol(), 100)
    await vi.waitFor(() => expect(shown()).toMatchObject({ state: 'settled', progress: { accepted: 3 } }), {
      timeout: 60_000,
      interval: 100,
    })
    expect(shown().grid.cells).toBe('aaa')
    for (const server of [first, second])
      expect(await get(server, `/api/v0/jobs/${id}`)).toMatchObject({ state: 'settled' })
    await vi.waitFor(
      async () => {
        const { rows } = await testPool.database.pool.query('SELECT job_id FROM log_entries')
        expect(rows).toEqual([{ job_id: id }])
      },
      { timeout: 20_000, interval: 100 },
    )
    agent.close()
    provider.destroy()
    doc.destroy()
  })
})
