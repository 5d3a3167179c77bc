import { makeKey } from '../../../kernel/evidence/sample.test-support.ts'
import { createAgentStore } from '../../memory/agent-store.ts'
import { createClusterStore } from '../../memory/cluster-store.ts'
import type { Database } from '../../memory/database.ts'
import { createJobStore } from '../../memory/job-store.ts'
import { MemoryBus, type MessageBus } from '../../memory/message-bus.ts'
import type { BlobStore } from '../../memory/ports.ts'
import { createResultStore } from '../../memory/result-store.ts'
import { SAMPLE_TERMS } from '../../memory/testing/samples.ts'
import { createTrustStore } from '../../memory/trust-store.ts'
import { Hub } from '../hub.ts'
import type { HubOptions } from '../options.ts'
import { referenceReferee } from '../referee/reference-referee.test-support.ts'
import { sharedChunks } from './shared-chunks.ts'

/** A bus that loses everything: what hubs know of each other they find in the database. */
export const DEAF_BUS: MessageBus = {
  carriesFigures: false,
  publish() {},
  subscribe: () => () => {},
  async close() {},
}

export interface TestHub {
  readonly hub: Hub
  /** As `kill -9` looks to others: nothing that it does reaches the database any more, and its connections are gone. */
  kill(): Promise<void>
}

export interface TestHubs {
  readonly bus: MessageBus
  start(more?: Partial<HubOptions>): Promise<TestHub>
  /** Closes those that were not killed. */
  close(): Promise<void>
}

/** Hubs of one process that share a database. */
export function testHubs(database: Database, blobs: BlobStore, bus: MessageBus = new MemoryBus()): TestHubs {
  const open = new Set<Hub>()
  const key = makeKey()
  return {
    bus,
    async start(more = {}) {
      let isDead = false
      const mortal = <T extends object>(port: T): T => untilDeath(port, () => isDead)
      const shared = sharedChunks(database)
      const hub = await Hub.start({
        jobs: mortal(createJobStore(database, SAMPLE_TERMS)),
        results: mortal(createResultStore(database.pool)),
        blobs,
        agents: mortal(createAgentStore(database)),
        trust: mortal(createTrustStore(database)),
        cluster: { store: mortal(createClusterStore(database)), bus: mortal(bus) },
        chunks: (epoch) => mortal(shared.chunks(epoch)),
        chunkShards: 2,
        referee: referenceReferee(),
        leaseKey: async () => key,
        houseAgent: false,
        listener: { jobChanged() {}, networkChanged() {} },
        log: () => {},
        fatal: () => {},
        ...more,
      })
      open.add(hub)
      return {
        hub,
        async kill() {
          isDead = true
          open.delete(hub)
          await shared.die(hub.epoch)
        },
      }
    },
    async close() {
      for (const hub of open) await hub.close()
      open.clear()
    },
  }
}

/** The port, which after death answers nothing any more: neither that something was done nor that it failed. */
function untilDeath<T extends object>(port: T, isDead: () => boolean): T {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...given: unknown[]) => (isDead() ? new Promise(() => {}) : value.apply(target, given))
    },
  })
}
