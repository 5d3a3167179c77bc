import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { findNatsServer } from '../../../scripts/nats.mjs'
import { PATIENCE } from '../../memory/testing/patience.ts'
import { type NatsServer, startNatsCluster } from '../testing/nats-server.ts'
import { ChunkStream } from './chunk-stream.ts'
import { connectNats } from './nats-connection.ts'

const natsServer = findNatsServer()
if (natsServer === undefined)
  console.log('missing: nats-server, so the stream of three replicas was not tried')

/** What a node had handed out when it was killed, and nobody has heard, comes again so soon. */
const ACK_WAIT_MS = 5000

describe.skipIf(natsServer === undefined)('the stream of chunks on three nodes', () => {
  let nodes: readonly NatsServer[] = []
  let nats: NatsConnection
  beforeAll(async () => {
    nodes = await startNatsCluster(natsServer ?? '', 3)
    nats = await connectNats(nodes.map(({ url }) => url).join(','), 'test')
  })
  afterAll(async () => {
    await nats?.close()
    await Promise.all(nodes.map((node) => node.close()))
  })

  it('has three replicas, stores a chunk once, and hands out what a killed node held', async () => {
    const stream = await vi.waitFor(() => ChunkStream.open(nats, ACK_WAIT_MS), PATIENCE)
    const manager = await jetstreamManager(nats)
    await vi.waitFor(async () => {
      const { config, cluster } = await manager.streams.info('FORGE_CHUNKS')
      expect(config).toMatchObject({ num_replicas: 3, retention: 'workqueue', storage: 'file' })
      expect(cluster?.replicas?.every(({ current }) => current)).toBe(true)
    }, PATIENCE)
    const chunks = [0, 1, 2].map((chunk) => ({ chunk, epoch: 0 }))
    const at_ms = 1_000_000
    // As two hubs do at the same moment: message ids make it one.
    await Promise.all([stream.publish('job', chunks, at_ms), stream.publish('job', chunks, at_ms)])
    const { cluster, state } = await manager.streams.info('FORGE_CHUNKS')
    expect(state.messages).toBe(3)
    const leader = Number(cluster?.leader?.split('-')[1])
    await nodes[leader]?.close()
    const handed = new Set<number>()
    await vi.waitFor(async () => {
      for (const { chunk } of await stream.fetch('job', 3)) handed.add(chunk)
      expect([...handed].sort()).toEqual([0, 1, 2])
    }, PATIENCE)
  })
})
