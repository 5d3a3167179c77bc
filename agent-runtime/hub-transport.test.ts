import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { initTRPC, TRPCError, tracked } from '@trpc/server'
import { applyWSSHandler } from '@trpc/server/adapters/ws'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { z } from 'zod'
import { ForgeError } from '../kernel/errors.ts'
import { CLOSE } from '../kernel/protocol.ts'
import { wireEncoder } from '../kernel/wire-encoder.ts'
import { type HubConnection, webSocketTransport } from './hub-transport.ts'

/** A tRPC server with the encoding of the hub, and errors as the hub shapes them. */
const t = initTRPC.create({
  isDev: false,
  errorFormatter: ({ shape, error }) => ({
    ...shape,
    data: { ...shape.data, ...(error.cause instanceof ForgeError ? { forge: error.cause.toJSON() } : {}) },
  }),
})
const router = t.router({
  test: t.router({
    echo: t.procedure.input(z.unknown()).mutation(({ input }) => ({ input })),
    refuse: t.procedure.query(() => {
      const cause = new ForgeError('LEASE_UNKNOWN', 'no such lease', { hint: 'Go on.', path: 'lease_id' })
      throw new TRPCError({ code: 'CONFLICT', cause })
    }),
    never: t.procedure.query(() => new Promise(() => {})),
    count: t.procedure.input(z.object({ lastEventId: z.string().optional() })).subscription(async function* ({
      input,
    }) {
      for (let i = Number(input.lastEventId ?? 0) + 1; i <= 3; i++) yield tracked(String(i), { n: i })
    }),
  }),
})

let http: Server
let wss: WebSocketServer
let url: string
const opened: HubConnection[] = []
const signal = new AbortController().signal

beforeEach(async () => {
  http = createServer()
  wss = new WebSocketServer({ server: http })
  applyWSSHandler({ wss, router, experimental_encoder: wireEncoder })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/agent`
})

afterEach(async () => {
  for (const connection of opened.splice(0)) connection.close()
  for (const socket of wss.clients) socket.terminate()
  wss.close()
  http.close()
  await once(http, 'close')
})

async function connect(onClosed: (error: ForgeError) => void = () => {}) {
  const transport = webSocketTransport({
    url,
    WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
  })
  const connection = await transport.connect(onClosed, signal)
  opened.push(connection)
  return connection
}

describe('the WebSocket transport', () => {
  it('carries bytes both ways', async () => {
    const connection = await connect()
    const answer = await connection.call('mutation', 'test.echo', { leaf: Uint8Array.of(1, 0, 255) }, signal)
    expect(answer).toEqual({ input: { leaf: Uint8Array.of(1, 0, 255) } })
  })

  it('sends one message a frame, however many are asked at once', async () => {
    const frames: unknown[] = []
    wss.on('connection', (socket) =>
      socket.on('message', (frame: Buffer) => frames.push(wireEncoder.decode(frame))),
    )
    const connection = await connect()
    const answers = await Promise.all(
      [1, 2, 3].map((n) => connection.call('mutation', 'test.echo', n, signal)),
    )
    expect(answers).toEqual([{ input: 1 }, { input: 2 }, { input: 3 }])
    expect(frames).toMatchObject([
      { params: { input: 1 } },
      { params: { input: 2 } },
      { params: { input: 3 } },
    ])
  })

  it('gives the error that the hub answered, with its code', async () => {
    const connection = await connect()
    await expect(connection.call('query', 'test.refuse', undefined, signal)).rejects.toMatchObject({
      code: 'LEASE_UNKNOWN',
      message: 'no such lease',
      hint: 'Go on.',
      path: 'lease_id',
    })
  })

  it('hears tracked messages with their ids, from the one it names', async () => {
    const connection = await connect()
    const heard: unknown[] = []
    const end = await new Promise<ForgeError>((resolve) => {
      connection.subscribe(
        'test.count',
        { lastEventId: '1' },
        { data: (value) => heard.push(value), ended: resolve },
      )
    })
    expect(heard).toEqual([
      { id: '2', data: { n: 2 } },
      { id: '3', data: { n: 3 } },
    ])
    expect(end.code).toBe('UNAVAILABLE')
  })

  it('says that the connection ended, why, and fails the calls that wait; it does not reconnect by itself', async () => {
    let closed: (error: ForgeError) => void = () => {}
    const ended = new Promise<ForgeError>((resolve) => {
      closed = resolve
    })
    let connections = 0
    wss.on('connection', () => connections++)
    const connection = await connect(closed)
    const call = connection.call('query', 'test.never', undefined, signal)
    const failure = expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    // The call is on its way when the server has read it: another one after it is answered.
    await connection.call('mutation', 'test.echo', 1, signal)
    for (const socket of wss.clients) socket.close(CLOSE.restarting)
    expect((await ended).message).toBe('the hub is restarting')
    await failure
    expect(connections).toBe(1)
  })

  it.each<[string, Uint8Array | string]>([
    ['bytes that are not the encoding', Uint8Array.of(0xc1)],
    ['text', '{"id":1,"result":{"type":"data"}}'],
    ['a number', Uint8Array.of(5)],
    ['nesting without end', new Uint8Array(1000).fill(0x91)],
  ])('leaves a hub that sends %s', async (_, frame) => {
    const ended = new Promise<ForgeError>((resolve) => {
      void connect(resolve).then(() => {
        for (const socket of wss.clients) socket.send(frame)
      })
    })
    expect((await ended).code).toBe('MESSAGE_INVALID')
  })

  it('fails where nobody listens', async () => {
    const transport = webSocketTransport({
      url: 'ws://127.0.0.1:1/agent',
      WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
    })
    await expect(transport.connect(() => {}, signal)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})
