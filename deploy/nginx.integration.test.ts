import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import https from 'node:https'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import type { JobRoom } from '../kernel/api.ts'
import { LIMITS } from '../kernel/limits.ts'
import { findNginx } from '../scripts/nginx.mjs'
import { connectAgentPeer } from '../server/http/testing/agent-peer.ts'
import { type SignedUp, signUp } from '../server/http/testing/sign-up.ts'
import {
  createTestPool,
  piContract,
  type RunningPool,
  type TestPool,
} from '../server/http/testing/start-pool.ts'
import { PATIENCE } from '../server/memory/testing/patience.ts'
import { type Nginx, startNginx } from './testing/nginx.ts'

const executable = findNginx()
if (executable === undefined)
  console.log('missing: nginx: deploy/nginx.conf is not tested (apt-get install nginx-light)')

let testPool: TestPool
let first: RunningPool
let second: RunningPool
let nginx: Nginx
let ada: SignedUp

beforeAll(async () => {
  if (executable === undefined) return
  testPool = await createTestPool()
  first = await testPool.start()
  second = await testPool.start()
  nginx = await startNginx(executable, [first.port, second.port])
  ada = await signUp(first)
})
afterAll(async () => {
  await nginx?.close()
  await testPool?.dispose()
})

interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | number>>
  readonly body?: string | Uint8Array
  /** Where the visitor comes from: an address of this machine. */
  readonly localAddress?: string
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

/** As a browser reaches it: by name, over TLS, on a connection of its own. Without a body only the head is sent. */
function ask(
  path: string,
  { method = 'GET', headers = {}, body, localAddress }: Asked = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = https.request(
      {
        ...{ host: '127.0.0.1', port: nginx.port, path, method, agent: false },
        ...{ servername: nginx.name, ca: nginx.certificate },
        ...(localAddress === undefined ? {} : { localAddress }),
        headers: { host: `${nginx.name}:${nginx.port}`, ...headers },
      },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            bytes: Buffer.concat(parts),
          })
          request.destroy()
        })
      },
    )
    request.on('error', reject)
    if (body === undefined && method !== 'GET') request.flushHeaders()
    else request.end(body)
  })
}

const post = (path: string, value: unknown, more: Asked['headers'] = {}) =>
  ask(path, {
    method: 'POST',
    body: JSON.stringify(value),
    headers: { 'content-type': 'application/json', ...ada.headers, ...more },
  })

const json = ({ bytes }: Answer) => JSON.parse(bytes.toString()) as Record<string, unknown>

/** Which server answers. */
const epochOf = async () => json(await ask('/healthz')).epoch as number

/** What a WebSocket needs to come through. */
const through = (localAddress = '127.0.0.1'): ClientOptions & { readonly servername: string } => ({
  ca: nginx.certificate,
  servername: nginx.name,
  localAddress,
  headers: { host: `${nginx.name}:${nginx.port}` },
})
const url = () => `https://127.0.0.1:${nginx.port}`

describe.skipIf(executable === undefined)('nginx with the shipped configuration', () => {
  it('ends TLS, sends plain HTTP there, and keeps what is the operator’s', async () => {
    expect(await ask('/healthz')).toMatchObject({ status: 200 })
    const plain = await fetch(`http://127.0.0.1:${nginx.plainPort}/jobs?a=1`, {
      redirect: 'manual',
      headers: { host: nginx.name },
    })
    expect([plain.status, plain.headers.get('location')]).toEqual([
      301,
      expect.stringMatching(/^https:.*\/jobs\?a=1$/),
    ])
    for (const path of ['/metrics', '/readyz']) expect((await ask(path)).status).toBe(404)
  })

  it('shares the visitors of one address among the servers, each of which answers for all', async () => {
    const seen = new Set<number>()
    for (let nth = 0; nth < 12; nth++) seen.add(await epochOf())
    expect([...seen].sort()).toEqual([first.epoch, second.epoch].sort())
    // Signed in at the first one.
    for (let nth = 0; nth < 4; nth++)
      expect((await ask('/api/trpc/account.me', { headers: ada.headers })).status).toBe(200)
  })

  it('lets a browser change something, by the origin that it names, and no other site', async () => {
    const quote = { contract: piContract('quote') }
    const own = `https://${nginx.name}:${nginx.port}`
    expect(
      (await post('/api/trpc/jobs.quote', quote, { origin: own, 'sec-fetch-site': 'same-origin' })).status,
    ).toBe(200)
    expect((await post('/api/trpc/jobs.quote', quote, { origin: 'https://evil.example' })).status).toBe(403)
  })

  it('carries agents and live pages: a job is computed and watched to its end', async () => {
    const { id } = json(
      await post('/api/v0/ops/execute', { ...piContract('through nginx', 3), verify: { mode: 'none' } }),
    ) as { id: string }
    await ada.call('jobs.publish', { id, visibility: 'public' })
    const doc = new Y.Doc()
    class Socket extends WebSocket {
      constructor(address: string, protocols?: string[]) {
        super(address, protocols, through())
      }
    }
    const provider = new WebsocketProvider(`${url().replace('http', 'ws')}/live`, `job:${id}`, doc, {
      WebSocketPolyfill: Socket as unknown as typeof globalThis.WebSocket,
      disableBc: true,
    })
    const agent = connectAgentPeer(url(), {}, through())
    agent.work(await agent.enrol(), 100)
    await vi.waitFor(() => {
      const shown = doc.getMap('job').toJSON() as JobRoom
      expect(shown).toMatchObject({ state: 'settled', progress: { accepted: 3 } })
    }, PATIENCE)
    agent.close()
    provider.destroy()
    doc.destroy()
  })

  it('passes large bodies through both ways, and the server’s own word on what is too large', async () => {
    const bytes = randomBytes(24 * 1024 * 1024)
    const digest = createHash('sha256').update(bytes).digest('hex')
    const path = `/api/v0/blobs/${digest}`
    const headers = { ...ada.headers, 'content-type': 'application/octet-stream' }
    expect((await ask(path, { method: 'PUT', headers, body: bytes })).status).toBe(201)
    const whole = await ask(path, { headers })
    expect([whole.status, createHash('sha256').update(whole.bytes).digest('hex')]).toEqual([200, digest])
    const part = await ask(path, { headers: { ...headers, range: 'bytes=1000000-1000009' } })
    expect([part.status, part.bytes]).toEqual([206, bytes.subarray(1_000_000, 1_000_010)])
    const refused = await ask(path, {
      method: 'PUT',
      headers: { ...headers, 'content-length': LIMITS.blob_bytes + 1 },
    })
    expect(refused.status).toBe(413)
    expect(json(refused)).toMatchObject({ error: { code: 'TOO_LARGE' } })
  })

  it('tells the servers where a visitor comes from, and nothing that he says of it', async () => {
    // The servers believe the whole loopback network: had nginx handed on what the client wrote, they would take it.
    const lies = { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' }
    const options = through('127.9.8.7')
    const agent = connectAgentPeer(url(), {}, { ...options, headers: { ...options.headers, ...lies } })
    expect((await agent.enrol()).owner).toBe('127.9.8.0/24')
    agent.close()
  })

  it('goes on with the other server at once when one is gone, and with both when it is back', async () => {
    const agent = connectAgentPeer(url(), {}, through())
    await agent.enrol()
    const { port } = second
    await second.close()
    const quote = { contract: piContract('quote') }
    for (let nth = 0; nth < 8; nth++) {
      expect((await post('/api/trpc/jobs.quote', quote)).status).toBe(200)
      expect(await epochOf()).toBe(first.epoch)
    }
    const next = connectAgentPeer(url(), {}, through())
    expect((await next.enrol()).epoch).toBe(first.epoch)
    for (const peer of [agent, next]) peer.close()

    second = await testPool.start(port)
    await vi.waitFor(async () => expect(await epochOf()).toBe(second.epoch), PATIENCE)
  })

  it('passes over a server that is starting', async () => {
    const { port } = second
    await second.close()
    let asked = 0
    const starting = createServer((_, response) => {
      asked++
      response.writeHead(503).end('starting')
    })
    starting.on('upgrade', (_, socket) => {
      asked++
      socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    })
    starting.listen(port, '127.0.0.1')
    await once(starting, 'listening')
    await vi.waitFor(async () => {
      expect(await epochOf()).toBe(first.epoch)
      expect(asked).toBeGreaterThan(0)
    }, PATIENCE)
    const before = asked
    await vi.waitFor(async () => {
      const agent = connectAgentPeer(url(), {}, through())
      expect((await agent.enrol()).epoch).toBe(first.epoch)
      agent.close()
      expect(asked).toBeGreaterThan(before)
    }, PATIENCE)
    starting.closeAllConnections()
    await new Promise((resolve) => starting.close(resolve))
    second = await testPool.start(port)
    expect(nginx.log()).not.toMatch(/\[(?:crit|alert|emerg)\]/)
  })
})
