import { createChunkStore } from '../../memory/chunk-store.ts'
import type { Database } from '../../memory/database.ts'
import { HubPresence } from '../../memory/hub-presence.ts'
import { createResultStore } from '../../memory/result-store.ts'
import type { ChunkQueue } from '../chunk-queue.ts'
import { PostgresChunkQueue } from '../queues/postgres-chunk-queue.ts'

export interface SharedChunks {
  /** For HubOptions. */
  readonly chunks: (epoch: number) => ChunkQueue
  /** Lets the hub of that epoch seem dead to others, as after `kill -9`. */
  die(epoch: number): Promise<void>
}

/** The chunk queue of hubs that share the test's database. */
export function sharedChunks(database: Pick<Database, 'pool' | 'url'>): SharedChunks {
  const presences = new Map<number, HubPresence>()
  return {
    chunks(holder) {
      const presence = new HubPresence(database.url, holder, () => {})
      presences.set(holder, presence)
      const results = createResultStore(database.pool)
      return new PostgresChunkQueue({
        chunks: createChunkStore(database.pool),
        results,
        presence,
        holder,
      })
    },
    async die(epoch) {
      await presences.get(epoch)?.close()
    },
  }
}
