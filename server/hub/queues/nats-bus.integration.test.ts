import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findNatsServer } from '../../../scripts/nats.mjs'
import { BUS_MESSAGE_BYTES } from '../../memory/message-bus.ts'
import { type NatsServer, startNatsServer } from '../testing/nats-server.ts'
import { NatsBus } from './nats-bus.ts'
import { connectNats } from './nats-connection.ts'

const executable = findNatsServer()

describe.skipIf(executable === undefined)('the bus of NATS', () => {
  let server: NatsServer
  let connections: NatsConnection[]

  beforeAll(async () => {
    server = await startNatsServer(executable ?? '')
    connections = [await connectNats(server.url, 'one'), await connectNats(server.url, 'two')]
  })
  afterAll(async () => {
    for (const connection of connections) await connection.close()
    await server.close()
  })

  it('carries messages to every hub until it is closed, and never fails whoever sends', async () => {
    const [one, two] = connections.map((connection) => new NatsBus(connection, () => {}))
    const heard: string[] = []
    let wake = () => {}
    one?.subscribe((message) => {
      heard.push(message)
      wake()
    })
    await connections[0]?.flush()
    const first = new Promise<void>((resolve) => {
      wake = resolve
    })
    two?.publish('x'.repeat(BUS_MESSAGE_BYTES + 1))
    two?.publish('one')
    await first
    expect(heard).toEqual(['one'])
    await one?.close()
    two?.publish('two')
    await Promise.all(connections.map((connection) => connection.flush()))
    expect(heard).toEqual(['one'])
    await connections[1]?.close()
    two?.publish('three')
  })
})
