import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { findNatsServer } from '../../../scripts/nats.mjs'
import { createChunkStore } from '../../memory/chunk-store.ts'
import { HubPresence } from '../../memory/hub-presence.ts'
import { createJobStore } from '../../memory/job-store.ts'
import { createResultStore } from '../../memory/result-store.ts'
import { PATIENCE } from '../../memory/testing/patience.ts'
import {
  SAMPLE_TERMS,
  sampleAccount,
  sampleGroup,
  sampleJob,
  sampleShards,
} from '../../memory/testing/samples.ts'
import { createTestDatabase, type TestDatabase } from '../../memory/testing/test-database.ts'
import type { ChunkQueue } from '../chunk-queue.ts'
import type { ClaimedChunk } from '../core/events.ts'
import { MemoryChunkQueue } from '../testing/memory-chunk-queue.ts'
import { type NatsServer, startNatsServer } from '../testing/nats-server.ts'
import { ChunkStream } from './chunk-stream.ts'
import { JetStreamChunkQueue } from './jetstream-chunk-queue.ts'
import { connectNats } from './nats-connection.ts'
import { PostgresChunkQueue } from './postgres-chunk-queue.ts'

/** What a chunk queue promises, whichever engine is behind it. */

/** Far longer than a test: claims run out by `expire` alone. */
const LEASE_MS = 600_000
const SHARDS = 1000
/** Ten chunks, the last one of 10 shards. */
const CHUNK_SHARDS = 110

/** Hubs that share a queue. */
interface Fleet {
  /** Another hub. */
  hub(): Promise<ChunkQueue>
  dispose(): Promise<void>
}

let database: TestDatabase
let ownerId: string

beforeAll(async () => {
  database = await createTestDatabase()
  ownerId = (await sampleAccount(database, 'submitter')).id
  if (natsServer === undefined) return
  server = await startNatsServer(natsServer)
  nats = await connectNats(server.url, 'test')
})
afterAll(async () => {
  await nats?.close()
  await server?.close()
  await database.close()
})

async function postgresHub(): Promise<PostgresChunkQueue> {
  const results = createResultStore(database.pool)
  const holder = await results.openEpoch()
  const presence = new HubPresence(database.url, holder, () => {})
  const chunks = createChunkStore(database.pool)
  return new PostgresChunkQueue({ chunks, results, presence, holder, lease_ms: LEASE_MS })
}

async function fleetOf(open: () => Promise<ChunkQueue>): Promise<Fleet> {
  const hubs: ChunkQueue[] = []
  return {
    async hub() {
      const hub = await open()
      hubs.push(hub)
      return hub
    },
    async dispose() {
      await Promise.all(hubs.map((hub) => hub.close()))
    },
  }
}

const natsServer = findNatsServer()
if (natsServer === undefined)
  console.log('missing: nats-server: JetStreamChunkQueue is not tested (apt-get install nats-server)')
let server: NatsServer
let nats: NatsConnection

/** Far shorter than a claim: what the stream hands out again must not be claimed again for that. */
const ACK_WAIT_MS = 1000

async function jetStreamHub(connection = nats): Promise<ChunkQueue> {
  const stream = await ChunkStream.open(connection, ACK_WAIT_MS)
  const chunks = createChunkStore(database.pool)
  return new JetStreamChunkQueue({
    stream,
    rows: await postgresHub(),
    chunks,
    log: () => {},
    reconcile_ms: 50,
    // Every look may publish again.
    now_ms: () => 10_000 * performance.now(),
  })
}

const JETSTREAM = 'JetStreamChunkQueue'
const ENGINES: readonly {
  readonly name: string
  /** Whether several hubs share it: claims then run out. */
  readonly isShared: boolean
  readonly open: () => Promise<Fleet>
}[] = [
  {
    name: 'MemoryChunkQueue',
    isShared: false,
    open: () => {
      const queue = new MemoryChunkQueue()
      return fleetOf(async () => queue)
    },
  },
  { name: 'PostgresChunkQueue', isShared: true, open: () => fleetOf(postgresHub) },
  ...(natsServer === undefined
    ? []
    : [{ name: JETSTREAM, isShared: true, open: () => fleetOf(() => jetStreamHub()) }]),
]

describe.each(ENGINES)('$name', ({ name, isShared, open }) => {
  let fleet: Fleet
  let job_id: string
  beforeEach(async () => {
    fleet = await open()
    job_id = (await createJobStore(database, SAMPLE_TERMS).insert(sampleJob(ownerId))).job.id
  })
  afterEach(() => fleet.dispose())

  const publish = (queue: ChunkQueue, accepted: readonly (readonly [number, number])[] = []) =>
    queue.publish({ job_id, shard_count: SHARDS, chunk_shards: CHUNK_SHARDS, accepted })
  /** Claims until so many chunks are there: an engine may take its time to hand them out. */
  const claim = async (queue: ChunkQueue, wanted: number): Promise<ClaimedChunk[]> => {
    const chunks: ClaimedChunk[] = []
    while (chunks.length < wanted) chunks.push(...(await queue.claim(job_id, wanted - chunks.length)).chunks)
    return chunks
  }
  const claimOne = async (queue: ChunkQueue): Promise<ClaimedChunk> => {
    const [chunk] = await claim(queue, 1)
    if (chunk === undefined) throw new Error('nothing was claimed')
    return chunk
  }
  /** Lets the time of every claim pass. */
  const expire = () =>
    database.pool.query(
      `UPDATE job_chunks SET expires_at = now() - interval '1 second' WHERE job_id = $1 AND holder IS NOT NULL`,
      [job_id],
    )
  const numbers = (chunks: readonly ClaimedChunk[]) =>
    chunks.map(({ chunk }) => chunk).toSorted((a, b) => a - b)
  const ALL = Array.from({ length: 10 }, (_, chunk) => chunk)

  it('hands every chunk of a job out once, and says when there are no more', async () => {
    const hub = await fleet.hub()
    expect(await publish(hub)).toEqual({ drained: false })
    const chunks = await claim(hub, 10)
    expect(numbers(chunks)).toEqual(ALL)
    for (const { chunk, first, count, accepted } of chunks) {
      expect([first, count]).toEqual([chunk * CHUNK_SHARDS, chunk === 9 ? 10 : CHUNK_SHARDS])
      expect(accepted).toEqual([])
    }
    expect(await hub.claim(job_id, 1)).toEqual({ chunks: [], exhausted: true })
    expect(await hub.survey([job_id])).toEqual(new Map([[job_id, { drained: false, available: false }]]))
  })

  it('changes nothing when a job is published again', async () => {
    const hub = await fleet.hub()
    await publish(hub)
    const { chunk, epoch } = await claimOne(hub)
    expect(await publish(await fleet.hub())).toEqual({ drained: false })
    expect(await hub.extend(job_id, chunk, epoch)).toBe(true)
    expect(numbers(await claim(hub, 9))).toEqual(ALL.filter((number) => number !== chunk))
  })

  it('knows what is durable when a job is published: chunks that are done are not handed out', async () => {
    const hub = await fleet.hub()
    await publish(hub, [
      [0, 130],
      [300, 40],
      [990, 10],
    ])
    const chunks = await claim(hub, 8)
    expect(numbers(chunks)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    const accepted = new Map(chunks.map((chunk) => [chunk.chunk, chunk.accepted]))
    expect(accepted.get(1)).toEqual([[110, 20]])
    expect(accepted.get(2)).toEqual([[300, 30]])
    expect(accepted.get(3)).toEqual([[330, 10]])
    expect(accepted.get(4)).toEqual([])
    expect(await hub.claim(job_id, 1)).toEqual({ chunks: [], exhausted: true })
  })

  it('is drained from the beginning when all is durable', async () => {
    const hub = await fleet.hub()
    expect(await publish(hub, [[0, SHARDS]])).toEqual({ drained: true })
    expect(await publish(hub, [[0, SHARDS]])).toEqual({ drained: true })
    expect(await hub.claim(job_id, 1)).toEqual({ chunks: [], exhausted: true })
  })

  it('is drained by the last word that a chunk is done', async () => {
    const hub = await fleet.hub()
    await publish(hub)
    const chunks = await claim(hub, 10)
    const drained: boolean[] = []
    for (const { chunk, epoch } of chunks) drained.push((await hub.ack(job_id, chunk, epoch)).drained)
    expect(drained).toEqual([...Array.from({ length: 9 }, () => false), true])
    expect(await hub.survey([job_id])).toEqual(new Map([[job_id, { drained: true, available: false }]]))
  })

  it('hands a chunk that is given back out again, with what is durable of it, under a later epoch', async () => {
    const hub = await fleet.hub()
    await publish(hub)
    const all = await claim(hub, 10)
    const given = all[4]
    if (given === undefined) throw new Error('no chunk')
    const accepted = [
      [given.first, 3],
      [given.first + 50, 1],
    ] as const
    await hub.nak(job_id, given.chunk, given.epoch, accepted)
    expect((await hub.survey([job_id])).get(job_id)?.available).toBe(true)
    const again = await claimOne(await fleet.hub())
    expect(again).toMatchObject({ chunk: given.chunk, first: given.first, count: given.count, accepted })
    expect(again.epoch).toBeGreaterThan(given.epoch)
  })

  it('takes nothing from a claim that is over', async () => {
    const hub = await fleet.hub()
    await publish(hub)
    const [old] = await claim(hub, 10)
    if (old === undefined) throw new Error('no chunk')
    await hub.nak(job_id, old.chunk, old.epoch, [])
    const over = { code: 'CONFLICT' }
    expect(await hub.extend(job_id, old.chunk, old.epoch)).toBe(false)
    await expect(hub.ack(job_id, old.chunk, old.epoch)).rejects.toMatchObject(over)
    await expect(hub.nak(job_id, old.chunk, old.epoch, [])).rejects.toMatchObject(over)
    const present = await claimOne(hub)
    expect(present.chunk).toBe(old.chunk)
    await expect(hub.ack(job_id, old.chunk, old.epoch)).rejects.toMatchObject(over)
    await expect(hub.nak(job_id, old.chunk, old.epoch, [[old.first, 1]])).rejects.toMatchObject(over)
    expect(await hub.extend(job_id, present.chunk, present.epoch)).toBe(true)
  })

  it('has nothing of a job that is withdrawn, and hears late words about it without complaint', async () => {
    const hub = await fleet.hub()
    await publish(hub)
    const [done, back] = await claim(hub, 2)
    await hub.withdraw(job_id)
    await hub.withdraw(job_id)
    expect(await hub.claim(job_id, 1)).toEqual({ chunks: [], exhausted: true })
    expect(await hub.survey([job_id])).toEqual(new Map())
    expect(await hub.extend(job_id, done?.chunk ?? 0, done?.epoch ?? 0)).toBe(false)
    expect(await hub.ack(job_id, done?.chunk ?? 0, done?.epoch ?? 0)).toEqual({ drained: false })
    await hub.nak(job_id, back?.chunk ?? 0, back?.epoch ?? 0, [])
  })

  if (!isShared) return
  describe('shared by several hubs', () => {
    it('gives no chunk to two hubs that claim at the same time', async () => {
      const hubs = await Promise.all([fleet.hub(), fleet.hub(), fleet.hub(), fleet.hub()])
      await Promise.all(hubs.map((hub) => publish(hub)))
      const held: number[] = []
      await Promise.all(
        hubs.map(async (hub) => {
          while (held.length < 10) held.push(...numbers((await hub.claim(job_id, 2)).chunks))
        }),
      )
      expect(held.toSorted((a, b) => a - b)).toEqual(ALL)
      for (const hub of hubs) expect(await hub.claim(job_id, 1)).toEqual({ chunks: [], exhausted: true })
    })

    it('moves a chunk whose claim has run out, with what its hub made durable, and takes no more from that hub', async () => {
      const [slow, other] = [await fleet.hub(), await fleet.hub()]
      await publish(slow)
      const held = await claim(slow, 10)
      const [lost, kept] = [held[2], held[3]]
      if (lost === undefined || kept === undefined) throw new Error('no chunk')
      const store = createResultStore(database.pool)
      const epoch = await store.openEpoch()
      const group = (first: number, fence: { chunk: number; epoch: number }) =>
        sampleGroup(job_id, sampleShards(first, 5), fence)
      await store.commit(epoch, [group(lost.first, lost), group(lost.first + 20, lost)], [])
      await expire()
      // One that nobody has taken goes on.
      expect(await slow.extend(job_id, kept.chunk, kept.epoch)).toBe(true)
      const moved = await claim(other, 9)
      expect(numbers(moved)).toEqual(ALL.filter((number) => number !== kept.chunk))
      const present = moved.find(({ chunk }) => chunk === lost.chunk)
      expect(present?.accepted).toEqual([
        [lost.first, 5],
        [lost.first + 20, 5],
      ])
      expect(present?.epoch).toBeGreaterThan(lost.epoch)
      expect(await slow.extend(job_id, lost.chunk, lost.epoch)).toBe(false)
      await expect(slow.ack(job_id, lost.chunk, lost.epoch)).rejects.toMatchObject({ code: 'CONFLICT' })
      const late = group(lost.first + 40, lost)
      expect(await store.commit(epoch, [late], [])).toEqual([late])
    })

    it('leaves a chunk to the hub that extends its claim', async () => {
      const [hub, other] = [await fleet.hub(), await fleet.hub()]
      await publish(hub)
      const held = await claim(hub, 10)
      await expire()
      for (const { chunk, epoch } of held) expect(await hub.extend(job_id, chunk, epoch)).toBe(true)
      expect(await other.claim(job_id, 10)).toEqual({ chunks: [], exhausted: true })
    })

    it('frees what a hub holds at once when it is gone', async () => {
      const [dead, other] = [await fleet.hub(), await fleet.hub()]
      await publish(dead)
      const held = await claim(dead, 10)
      expect(await other.claim(job_id, 10)).toEqual({ chunks: [], exhausted: true })
      await dead.close()
      const moved = await claim(other, 10)
      expect(numbers(moved)).toEqual(ALL)
      expect(Math.min(...moved.map(({ epoch }) => epoch))).toBeGreaterThan(
        Math.max(...held.map(({ epoch }) => epoch)),
      )
    })

    it('tells the hub that does the last chunk that the job is drained, and the others when they ask', async () => {
      const [a, b] = [await fleet.hub(), await fleet.hub()]
      await publish(a)
      const [ofA, ofB] = [await claim(a, 5), await claim(b, 5)]
      const words = await Promise.all([
        ...ofA.map(({ chunk, epoch }) => a.ack(job_id, chunk, epoch)),
        ...ofB.map(({ chunk, epoch }) => b.ack(job_id, chunk, epoch)),
      ])
      expect(words.filter(({ drained }) => drained)).toHaveLength(1)
      for (const hub of [a, b]) expect((await hub.survey([job_id])).get(job_id)?.drained).toBe(true)
      // An answer that was lost is given again.
      expect(await a.ack(job_id, ofA[0]?.chunk ?? 0, ofA[0]?.epoch ?? 0)).toEqual({ drained: true })
    })

    it('finds a chunk done whose hub died before it said so', async () => {
      const [dead, other] = [await fleet.hub(), await fleet.hub()]
      await publish(dead)
      await claim(dead, 10)
      expect(await publish(other, [[0, SHARDS]])).toEqual({ drained: true })
      expect(await publish(other, [[0, SHARDS]])).toEqual({ drained: true })
    })

    it('stays closed when it is published while the job ends: no row is left, no chunk counted twice', async () => {
      const [hub, late] = [await fleet.hub(), await fleet.hub()]
      const all = [[0, SHARDS]] as const
      await publish(hub, all)
      const waiting = (count: number) =>
        vi.waitUntil(async () => {
          const { rows } = await database.pool.query(
            `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
          )
          return rows.length === count
        }, PATIENCE)
      const barrier = await database.pool.connect()
      try {
        await barrier.query('BEGIN')
        await barrier.query('SELECT FROM job_chunks WHERE job_id = $1 FOR UPDATE', [job_id])
        const ending = createJobStore(database, SAMPLE_TERMS).transition(job_id, ['submitted'], 'cancelled')
        await waiting(1)
        const publishing = publish(late, all)
        await waiting(2)
        await barrier.query('COMMIT')
        await ending
        expect(await publishing).toEqual({ drained: false })
      } finally {
        barrier.release()
      }
      expect(await publish(late, all)).toEqual({ drained: false })
      const { rows } = await database.pool.query(
        `SELECT (SELECT count(*)::int FROM chunk_queues WHERE job_id = $1) AS queues,
           (SELECT count(*)::int FROM job_chunks WHERE job_id = $1) AS chunks`,
        [job_id],
      )
      expect(rows).toEqual([{ queues: 0, chunks: 0 }])
    })

    it('ends every claim with the job, whoever ends it', async () => {
      const hub = await fleet.hub()
      await publish(hub)
      const { chunk, epoch, first } = await claimOne(hub)
      const store = createResultStore(database.pool)
      const hubEpoch = await store.openEpoch()
      await createJobStore(database, SAMPLE_TERMS).transition(job_id, ['submitted'], 'cancelled')
      const late = sampleGroup(job_id, sampleShards(first, 5), { chunk, epoch })
      expect(await store.commit(hubEpoch, [late], [])).toEqual([late])
      expect(await hub.claim(job_id, 10)).toEqual({ chunks: [], exhausted: true })
      expect(await hub.extend(job_id, chunk, epoch)).toBe(false)
    })
  })

  if (name !== JETSTREAM) return
  it('loses no work with its stream: what nobody holds is published again, what is held stays held', async () => {
    const hub = await fleet.hub()
    await publish(hub)
    const held = await claim(hub, 3)
    await (await jetstreamManager(nats)).streams.delete('FORGE_CHUNKS')
    const others = await claim(await fleet.hub(), 7)
    expect(numbers([...held, ...others])).toEqual(ALL)
    for (const { chunk, epoch } of held) {
      expect(await hub.extend(job_id, chunk, epoch)).toBe(true)
      expect(await hub.ack(job_id, chunk, epoch)).toEqual({ drained: false })
    }
    expect(await hub.claim(job_id, 1)).toEqual({ chunks: [], exhausted: true })
  })

  it('claims without NATS while that does not answer, and gives no chunk to two hubs', async () => {
    const own = await connectNats(server.url, 'cut off')
    const cutOff = await jetStreamHub(own)
    const hub = await fleet.hub()
    await publish(cutOff)
    await own.close()
    const taken = await claim(cutOff, 4)
    const others = await claim(hub, 6)
    expect(numbers([...taken, ...others])).toEqual(ALL)
    for (const { chunk, epoch } of taken) expect(await cutOff.extend(job_id, chunk, epoch)).toBe(true)
    for (const { chunk, epoch } of [...taken, ...others].slice(0, 9))
      expect(await cutOff.ack(job_id, chunk, epoch)).toEqual({ drained: false })
    await cutOff.close()
  })

  it('does not claim again what the stream hands out again, as long as the claim lasts', async () => {
    const [hub, other] = [await fleet.hub(), await fleet.hub()]
    await publish(hub)
    await claim(hub, 10)
    const stream = await ChunkStream.open(nats, ACK_WAIT_MS)
    const again = new Set<number>()
    while (again.size < 10) for (const { chunk } of await stream.fetch(job_id, 10)) again.add(chunk)
    const rows = await postgresHub()
    expect(await rows.claimAmong(job_id, [...again])).toEqual([])
    await rows.close()
    expect(await other.claim(job_id, 10)).toEqual({ chunks: [], exhausted: true })
  })
})
