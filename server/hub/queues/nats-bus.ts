import type { NatsConnection } from '@nats-io/transport-node'
import type { Database } from '../../memory/database.ts'
import { BUS_MESSAGE_BYTES, type MessageBus, PostgresBus } from '../../memory/message-bus.ts'
import type { HubLog } from '../options.ts'

/** Hubs of another store on the same NATS may hear it: they know none of its jobs. */
const SUBJECT = 'forge.hub'

/** Messages between hubs over NATS core. While its connection is broken they are lost. */
export class NatsBus implements MessageBus {
  readonly carriesFigures = true
  readonly #nats: NatsConnection
  readonly #log: HubLog
  readonly #ends = new Set<() => void>()

  /** @param nats stays open: whoever opened it closes it */
  constructor(nats: NatsConnection, log: HubLog) {
    this.#nats = nats
    this.#log = log
  }

  publish(message: string): void {
    if (Buffer.byteLength(message) > BUS_MESSAGE_BYTES || this.#nats.isClosed()) return
    try {
      this.#nats.publish(SUBJECT, message)
    } catch (error) {
      this.#log('warn', 'a message to the other hubs was lost', { error: String(error) })
    }
  }

  subscribe(hear: (message: string) => void): () => void {
    const subscription = this.#nats.subscribe(SUBJECT, {
      callback: (error, message) => {
        if (error === null) hear(message.string())
        else this.#log('warn', 'messages of the other hubs are not heard', { error: String(error) })
      },
    })
    const end = () => {
      this.#ends.delete(end)
      if (!this.#nats.isClosed()) subscription.unsubscribe()
    }
    this.#ends.add(end)
    return end
  }

  async close(): Promise<void> {
    for (const end of this.#ends) end()
  }
}

/** The bus of this store's hubs: NATS core where there is NATS, else PostgreSQL's notifications. */
export async function openBus(ports: {
  readonly database: Pick<Database, 'pool' | 'url'>
  readonly nats: NatsConnection | undefined
  readonly log: HubLog
}): Promise<MessageBus> {
  const { database, nats, log } = ports
  if (nats !== undefined) return new NatsBus(nats, log)
  const bus = new PostgresBus(database, (error) =>
    log('warn', 'messages between hubs are lost for a moment', { error: String(error) }),
  )
  await bus.open()
  return bus
}
