import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { ForgeError } from '../../../kernel/errors.ts'
import { createChunkStore } from '../../memory/chunk-store.ts'
import type { Database } from '../../memory/database.ts'
import { HubPresence } from '../../memory/hub-presence.ts'
import type { ResultStore } from '../../memory/ports/results.ts'
import type { ChunkQueue } from '../chunk-queue.ts'
import type { HubLog } from '../options.ts'
import type { ChunkStream } from './chunk-stream.ts'
import { JetStreamChunkQueue } from './jetstream-chunk-queue.ts'
import { CLAIM_MS, PostgresChunkQueue } from './postgres-chunk-queue.ts'

/** A cluster that starts elects its leaders for some seconds. */
const OPEN_ATTEMPTS = 30
const OPEN_AGAIN_MS = 1000

export interface ChunkQueuePorts {
  readonly database: Pick<Database, 'pool' | 'url'>
  readonly results: Pick<ResultStore, 'durable'>
  /** Undefined: PostgreSQL alone. */
  readonly nats: NatsConnection | undefined
  readonly log: HubLog
}

/**
 * The chunk queue of the hub that starts under an epoch: PostgreSQL's, or JetStream's on top of it.
 * @throws ForgeError UNAVAILABLE when NATS has no JetStream
 */
export async function openChunkQueue(ports: ChunkQueuePorts): Promise<(epoch: number) => ChunkQueue> {
  const { database, results, nats, log } = ports
  const chunks = createChunkStore(database.pool)
  const stream = nats === undefined ? undefined : await openStream(nats)
  return (holder) => {
    const presence = new HubPresence(database.url, holder, (line) => log('warn', line))
    const rows = new PostgresChunkQueue({ chunks, results, presence, holder })
    return stream === undefined ? rows : new JetStreamChunkQueue({ stream, rows, chunks, log })
  }
}

async function openStream(nats: NatsConnection): Promise<ChunkStream> {
  const { ChunkStream } = await import('./chunk-stream.ts')
  for (let attempt = 1; ; attempt++) {
    try {
      return await ChunkStream.open(nats, CLAIM_MS)
    } catch (cause) {
      if (attempt === OPEN_ATTEMPTS) {
        throw new ForgeError('UNAVAILABLE', `NATS has no JetStream: ${String(cause)}`, {
          hint: 'Start nats-server with -js, every server of the cluster with a store of its own.',
          cause,
        })
      }
      await delay(OPEN_AGAIN_MS)
    }
  }
}
