import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import type { JobRoom } from '../../kernel/api.ts'
import { sha256Hex } from '../../kernel/digest.ts'
import { CLOSE } from '../../kernel/protocol.ts'
import { PATIENCE } from '../memory/testing/patience.ts'
import { ROOM_GONE } from '../realtime/room-name.ts'
import { closeOf, connectAgentPeer } from './testing/agent-peer.ts'
import { postJson, type SignedUp, signUp } from './testing/sign-up.ts'
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

/** A page's live room, opened at a server, with a document of its own or one that it has kept. */
function watch(server: RunningPool, room: string, doc = new Y.Doc()) {
  const provider = new WebsocketProvider(`${server.url.replace('http', 'ws')}/live`, room, doc, {
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
  })
  return {
    doc,
    shown: () => doc.getMap('job').toJSON() as JobRoom,
    ended: new Promise<{ code: number; reason: string }>((resolve) => provider.on('closed', resolve)),
    leave: () => provider.destroy(),
  }
}

describe('two servers of one database', () => {
  it('share a job: submitted at one, computed at the other, watched at either, recorded once', async () => {
    expect(second.epoch).not.toBe(first.epoch)
    const { id } = (await ada.call('jobs.submit', {
      contract: { ...piContract('two servers', 3), verify: { mode: 'none' } },
    })) as { id: string }
    await ada.call('jobs.publish', { id, visibility: 'public' })
    // The page comes from the first server, its room from whichever the socket reaches.
    expect(await get(first, `/api/v0/jobs/${id}`)).toMatchObject({ id })
    const pages = [watch(second, `job:${id}`), watch(first, `job:${id}`)]
    for (const { shown } of pages)
      await vi.waitFor(() => expect(shown().progress).toMatchObject({ accepted: 0 }), PATIENCE)
    const agent = connectAgentPeer(second.url)
    agent.work(await agent.enrol(), 100)
    for (const { shown } of pages) {
      await vi.waitFor(
        () => expect(shown()).toMatchObject({ state: 'settled', progress: { accepted: 3 } }),
        PATIENCE,
      )
      expect(shown().grid.cells).toBe('aaa')
    }
    for (const server of [first, second])
      expect(await get(server, `/api/v0/jobs/${id}`)).toMatchObject({ state: 'settled' })
    await vi.waitFor(async () => {
      const { rows } = await testPool.database.pool.query('SELECT job_id FROM log_entries')
      expect(rows).toEqual([{ job_id: id }])
    }, PATIENCE)
    agent.close()
    for (const { leave } of pages) leave()
  })

  it('take no document that the room of the other one has filled', async () => {
    const { id } = (await ada.call('jobs.submit', { contract: piContract('kept document') })) as {
      id: string
    }
    await ada.call('jobs.publish', { id, visibility: 'public' })
    const before = watch(first, `job:${id}`)
    await vi.waitFor(() => expect(before.shown().state).toBeDefined(), PATIENCE)
    before.leave()
    const kept = Y.encodeStateVector(before.doc)
    const after = watch(second, `job:${id}`, before.doc)
    expect(await after.ended).toEqual({
      code: ROOM_GONE,
      reason: 'the document is of another room; begin with an empty one',
    })
    expect(Y.encodeStateVector(before.doc)).toEqual(kept)
    const fresh = watch(second, `job:${id}`)
    const { state, shard_count } = before.shown()
    await vi.waitFor(() => expect(fresh.shown()).toMatchObject({ state, shard_count }), PATIENCE)
    fresh.leave()
    await ada.call('jobs.cancel', { id })
  })

  it('cut who may not watch any more, whichever of them he watches at', async () => {
    const { id } = (await ada.call('jobs.submit', { contract: piContract('hidden again') })) as { id: string }
    await ada.call('jobs.publish', { id, visibility: 'public' })
    const stranger = watch(second, `job:${id}`)
    await vi.waitFor(() => expect(stranger.shown().state).toBeDefined(), PATIENCE)
    await ada.call('jobs.publish', { id, visibility: 'private' })
    expect(await stranger.ended).toEqual({ code: ROOM_GONE, reason: 'there is no such room' })

    const eve = await signUp(first, 'Eve')
    const own = new WebSocket(`${second.url.replace('http', 'ws')}/live/network`, { headers: eve.headers })
    await once(own, 'open')
    const cut = closeOf(own)
    await eve.call('account.signOutEverywhere', {})
    expect(await cut).toEqual({ code: CLOSE.restarting, reason: 'the session has ended' })
    await ada.call('jobs.cancel', { id })
  })

  it("take each other's agents where they fetch and store blobs, while the hub of the session is there", async () => {
    const third = await testPool.start()
    const agent = connectAgentPeer(third.url)
    const { session } = await agent.enrol()
    const bytes = new TextEncoder().encode('a tile')
    const digest = sha256Hex(bytes)
    const blob = (server: RunningPool, method: string, name = session) =>
      fetch(`${server.url}/api/v0/blobs/${digest}`, {
        method,
        headers: { authorization: `Forge-Session ${name}` },
        ...(method === 'PUT' ? { body: bytes } : {}),
      })
    // At once: the first server has not heard of the third one yet.
    expect((await blob(first, 'PUT')).status).toBe(201)
    const read = await blob(second, 'GET')
    expect([read.status, await read.text()]).toEqual([200, 'a tile'])
    const forged = `${session.slice(0, 10)}${session[10] === 'A' ? 'B' : 'A'}${session.slice(11)}`
    for (const server of [first, second, third]) expect((await blob(server, 'GET', forged)).status).toBe(401)
    agent.close()
    await third.close()
    for (const server of [first, second])
      await vi.waitFor(async () => expect((await blob(server, 'GET')).status).toBe(401), PATIENCE)
  })

  it('take the answer to a challenge of the other one for claiming a device, once', async () => {
    const agent = connectAgentPeer(first.url)
    const { agent_id } = await agent.enrol()
    const { nonce, owner } = (await ada.call('devices.claimChallenge', {})) as {
      nonce: string
      owner: string
    }
    const claim = () =>
      postJson(`${second.url}/api/trpc/devices.claim`, agent.claim({ nonce, owner }), ada.headers)
    const claimed = await claim()
    expect([claimed.status, await claimed.json()]).toMatchObject([
      200,
      { result: { data: { device: { id: agent_id } } } },
    ])
    expect((await claim()).status).toBe(409)
    agent.close()
  })
})
