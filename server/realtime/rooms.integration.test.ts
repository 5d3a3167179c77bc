import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import type { JobRoom, NetworkRoom } from '../../kernel/api.ts'
import { CLOSE } from '../../kernel/protocol.ts'
import { closeOf, connectAgentPeer } from '../http/testing/agent-peer.ts'
import { type SignedUp, signUp } from '../http/testing/sign-up.ts'
import { createTestPool, piContract, type RunningPool, type TestPool } from '../http/testing/start-pool.ts'
import { ROOM_LIMITS } from './limits.ts'
import { ROOM_GONE } from './room-name.ts'

let testPool: TestPool
let pool: RunningPool
let ada: SignedUp

beforeAll(async () => {
  testPool = await createTestPool()
  pool = await testPool.start()
  ada = await signUp(pool)
})
afterAll(() => testPool.dispose())

interface Watcher<T> {
  readonly doc: Y.Doc
  readonly provider: WebsocketProvider
  /** The first state that satisfies the condition, now or later. */
  until(condition: (state: T) => boolean): Promise<T>
  close(): void
}

const watchers = new Set<{ close(): void }>()

function watch<T>(url: string, room: string, key: 'job' | 'network'): Watcher<T> {
  const doc = new Y.Doc()
  const provider = new WebsocketProvider(`${url.replace('http', 'ws')}/live`, room, doc, {
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
    maxBackoffTime: 200,
  })
  const map = doc.getMap(key)
  const watcher: Watcher<T> = {
    doc,
    provider,
    until: (condition) =>
      new Promise((resolve) => {
        const look = () => {
          const state = map.toJSON() as T
          if (map.size === 0 || !condition(state)) return
          map.unobserve(look)
          resolve(state)
        }
        map.observe(look)
        look()
      }),
    close: () => {
      provider.destroy()
      doc.destroy()
    },
  }
  watchers.add(watcher)
  return watcher
}

afterAll(() => {
  for (const watcher of watchers) watcher.close()
})

async function submit(seed: string, shards = 1): Promise<string> {
  const response = await fetch(`${pool.url}/api/v0/ops/execute`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...ada.headers },
    body: JSON.stringify({ ...piContract(seed, shards), verify: { mode: 'none' } }),
  })
  const { id } = (await response.json()) as { id: string }
  await ada.call('jobs.publish', { id, visibility: 'public' })
  return id
}

describe('a live room', () => {
  it('shows a job while it runs; a page left open over a restart follows it to its end', async () => {
    const id = await submit('restart', 8)
    const before = watch<JobRoom>(pool.url, `job:${id}`, 'job')
    const first = await before.until((room) => room.grid.cells.includes('.'))
    expect(first).toMatchObject({ shard_count: first.shard_count, progress: { accepted: 0 } })

    const worker = connectAgentPeer(pool.url)
    worker.work(await worker.enrol(), 1)
    const some = await before.until((room) => room.progress.accepted > 0)
    worker.close()
    expect(some.state).toBe('running')

    const told = new Promise<{ code: number }>((resolve) => before.provider.on('closed', resolve))
    const { port, epoch } = pool
    await pool.close()
    pool = await testPool.start(port)
    expect(pool.epoch).toBeGreaterThan(epoch)

    // y-websocket came back by itself with the document that it had. The rule of every page: begin with an empty one.
    expect((await told).code).toBe(ROOM_GONE)
    before.close()
    const after = watch<JobRoom>(pool.url, `job:${id}`, 'job')
    const resumed = await after.until(() => true)
    expect(resumed.progress.accepted).toBeGreaterThanOrEqual(some.progress.accepted)
    expect(resumed.state).toBe('running')

    const next = connectAgentPeer(pool.url)
    next.work(await next.enrol(), 8)
    const settled = await after.until((room) => room.state === 'settled')
    expect(settled.progress).toMatchObject({ accepted: settled.shard_count, in_flight: 0 })
    expect(settled.grid.cells).toMatch(/^a+$/)
    next.close()

    // The room of the ended job, opened by the next process, comes from the database alone.
    await pool.close()
    pool = await testPool.start(port)
    const later = await watch<JobRoom>(pool.url, `job:${id}`, 'job').until(() => true)
    expect(later).toMatchObject({
      state: 'settled',
      shard_count: settled.shard_count,
      progress: settled.progress,
      grid: settled.grid,
    })
    expect(later.estimates.at(-1)).toMatchObject({ shards: settled.shard_count })
    expect(later.estimates.at(-1)?.value).toBe(settled.estimates.at(-1)?.value)
  })

  it('drops what a client writes: it reaches neither another client nor the room', async () => {
    const id = await submit('writes')
    const room = `job:${id}`
    const vandal = watch<JobRoom>(pool.url, room, 'job')
    const reader = watch<JobRoom>(pool.url, room, 'job')
    await Promise.all([vandal.until(() => true), reader.until(() => true)])
    let heard = 0
    reader.provider.awareness.on('change', ({ added }: { added: number[] }) => {
      heard += added.filter((client) => client === vandal.doc.clientID).length
    })
    vandal.doc.getMap('job').set('state', 'settled')
    vandal.doc.getMap('elsewhere').set('note', 'hello')
    vandal.provider.awareness.setLocalState({ name: 'vandal' })

    // Whatever the vandal sent precedes this on its socket; the change that follows reaches both by the same path.
    await ada.call('jobs.cancel', { id })
    expect((await reader.until((job) => job.state !== 'planned' && job.state !== 'submitted')).state).toBe(
      'cancelled',
    )
    expect(reader.doc.getMap('elsewhere').size).toBe(0)
    expect(heard).toBe(0)

    const fresh = watch<JobRoom>(pool.url, room, 'job')
    expect((await fresh.until(() => true)).state).toBe('cancelled')
    expect(fresh.doc.getMap('elsewhere').size).toBe(0)
    expect(Y.encodeStateVector(fresh.doc)).toEqual(Y.encodeStateVector(reader.doc))
  })

  it('of the network shows its figures and recent jobs', async () => {
    const network = watch<NetworkRoom>(pool.url, 'network', 'network')
    const { stats } = await network.until(() => true)
    expect(stats.agents_by_executor.webgpu).toBe(0)
    const peer = connectAgentPeer(pool.url)
    await peer.enrol({ executor: { kind: 'webgpu', label: 'test' } })
    await network.until((room) => room.stats.agents_by_executor.webgpu === 1)
    const id = await submit('recent')
    expect((await network.until((room) => room.recent[0]?.id === id)).recent[0]).toMatchObject({
      op: 'mc@1/pi.v1',
    })
    peer.close()
  })
})

describe('the room of a private job', () => {
  const open = (name: string, headers: Readonly<Record<string, string>> = {}) => {
    const socket = new WebSocket(`${pool.url.replace('http', 'ws')}/live/${name}`, { headers })
    // Asks for the state of the room, with an empty document.
    socket.on('open', () => socket.send(Uint8Array.of(0, 0, 1, 0)))
    return socket
  }
  const firstFrame = (socket: WebSocket) => new Promise((resolve) => socket.once('message', resolve))

  it('is for its owner alone, and for everybody while the job is public', async () => {
    const id = await submit('private')
    const name = `job:${id}`
    await ada.call('jobs.publish', { id, visibility: 'private' })
    const eve = await signUp(pool, 'Eve')
    const missing = await closeOf(open('job:00000000-0000-4000-8000-000000000000'))
    expect(missing.code).toBe(ROOM_GONE)
    expect(await closeOf(open(name))).toEqual(missing)
    expect(await closeOf(open(name, eve.headers))).toEqual(missing)
    const own = open(name, ada.headers)
    await firstFrame(own)

    await ada.call('jobs.publish', { id, visibility: 'public' })
    const stranger = open(name, eve.headers)
    const cut = closeOf(stranger)
    await firstFrame(stranger)
    await ada.call('jobs.publish', { id, visibility: 'private' })
    expect(await cut).toEqual(missing)
    expect(own.readyState).toBe(WebSocket.OPEN)
    own.terminate()
  })

  it('stays out of what the network shows', async () => {
    const [hidden, shown] = [await submit('hidden'), await submit('shown')]
    await ada.call('jobs.publish', { id: hidden, visibility: 'private' })
    const network = watch<NetworkRoom>(pool.url, 'network', 'network')
    const shows = (room: NetworkRoom, id: string) => room.recent.some((job) => job.id === id)
    await network.until((room) => shows(room, shown) && !shows(room, hidden))
    await ada.call('jobs.publish', { id: shown, visibility: 'private' })
    await network.until((room) => !shows(room, shown) && !shows(room, hidden))
  })

  it('is refused to whoever shows a key that names nobody', async () => {
    const socket = open('network', { authorization: 'Bearer nonsense' })
    const refused = await new Promise((resolve) =>
      socket.once('unexpected-response', (request, response) => {
        request.destroy()
        resolve(response.statusCode)
      }),
    )
    expect(refused).toBe(401)
  })
})

describe('a room that cannot be opened', () => {
  const end = (name: string) => closeOf(new WebSocket(`${pool.url.replace('http', 'ws')}/live/${name}`))

  it.each([
    ['a job that is not there', () => 'job:00000000-0000-4000-8000-000000000000'],
    ['no room', () => 'secrets'],
    ['a name in bad encoding', () => '%E0%A4%A'],
  ])('%s closes for good with a reason', async (_, name) => {
    const { code, reason } = await end(name())
    expect(code).toBe(ROOM_GONE)
    expect(reason).not.toBe('')
  })

  it('ends watchers that speak something else, or too much', async () => {
    const say = (frames: readonly (Uint8Array | string)[]) => {
      const socket = new WebSocket(`${pool.url.replace('http', 'ws')}/live/network`)
      socket.on('open', () => {
        for (const frame of frames) socket.send(frame)
      })
      return closeOf(socket)
    }
    expect((await say(['hello'])).code).toBe(CLOSE.malformed)
    expect((await say([new Uint8Array([99])])).code).toBe(CLOSE.malformed)
    expect((await say([new Uint8Array([0, 0, 255, 255])])).code).toBe(CLOSE.malformed)
    expect((await say([new Uint8Array(ROOM_LIMITS.message_bytes + 1)])).code).toBe(1009)
    const flood = Array.from({ length: ROOM_LIMITS.messages_burst * 2 }, () => new Uint8Array([3]))
    expect((await say(flood)).code).toBe(CLOSE.too_many)
    const crowd = Array.from(
      { length: ROOM_LIMITS.sockets_per_host + 1 },
      () => new WebSocket(`${pool.url.replace('http', 'ws')}/live/network`),
    )
    const ends = crowd.map(closeOf)
    expect((await Promise.race(ends)).code).toBe(CLOSE.too_many)
    for (const socket of crowd) socket.terminate()
    await Promise.all(ends)
    expect(testPool.complaints).toEqual([])
  })
})
