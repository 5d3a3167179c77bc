import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { ForgeError } from '../../kernel/errors.ts'
import { AUTH_PREFIX, type SignIn } from '../accounts/sign-in.ts'
import type { HubSessions } from '../core/hub-port.ts'
import type { Log } from '../core/log.ts'
import { hostKey } from '../core/network-prefix.ts'
import type { DoorMeter } from '../observe/door-meter.ts'
import type { RoomServer, Upgrade } from '../realtime/room-server.ts'
import type { ApiContext, Services } from '../trpc/context.ts'
import { toForgeError } from '../trpc/errors.ts'
import { type AgentSockets, createAgentSockets } from './agent-socket.ts'
import { serveAuth } from './auth-route.ts'
import { type ClientAddress, handOnClientAddress } from './client-address.ts'
import { createConnectionGate } from './connection-gate.ts'
import type { EmbedAssets } from './embed-assets.ts'
import { EMBED_PREFIX, serveEmbed } from './embed-route.ts'
import type { Identify } from './identify.ts'
import { HTTP_LIMITS } from './limits.ts'
import { LOG_PREFIX, serveIdentity, serveLog, WELL_KNOWN } from './log-route.ts'
import { areaOf, METRICS, type OperatorPorts, READY, serveMetrics, serveReady } from './operator-routes.ts'
import { callerOf, type RateLimits } from './rate-limits.ts'
import { sendError, sendJson } from './respond.ts'
import { BlobRoutes } from './rest-blobs.ts'
import { serveRest } from './rest-routes.ts'
import { SCHEMA_PREFIX, serveSchema } from './schema-route.ts'
import { assertSameOrigin, newNonce, pagePolicy, setSecurityHeaders } from './security.ts'
import { serveTrpc, TRPC_PREFIX } from './trpc-route.ts'

/** The pages: whatever is not the API goes here. */
export interface Site {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** Development only: hot reload. */
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

export interface HttpPorts {
  readonly services: Services
  readonly hub: HubSessions
  readonly rooms: RoomServer
  readonly signIn: SignIn
  readonly identify: Identify
  readonly clientAddress: ClientAddress
  readonly limits: RateLimits
  /** Agents' sockets that one address may have open. Undefined: AGENT_LIMITS. */
  readonly socketsPerHost?: number | undefined
  /** Public origin of the site. */
  readonly origin: string
  readonly site: Site | undefined
  /** Undefined where the embed is not built. */
  readonly embedAssets: EmbedAssets | undefined
  /** JSON Schemas by file name. */
  readonly schemas: ReadonlyMap<string, Buffer>
  readonly dev: boolean
  readonly log: Log
  readonly meter: DoorMeter
  readonly operator: OperatorPorts
}

export interface HttpServer {
  readonly server: Server
  /** Begins to serve; until then every request is told to come back. */
  serve(ports: HttpPorts): void
  /** Takes no new agents. */
  drain(): void
  /** Ends sockets with a reason, waits for requests in flight, cuts the rest. */
  close(): Promise<void>
}

interface Handlers {
  readonly request: (request: IncomingMessage, response: ServerResponse) => void
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  readonly agents: AgentSockets
  readonly admit: (socket: Socket) => void
  readonly dropped: () => void
}

/**
 * One server for pages, API, agents and live rooms. It can listen before there is anything to serve.
 * @param connections most TCP connections at once
 */
export function createHttpServer(connections: number = HTTP_LIMITS.connections): HttpServer {
  let handlers: Handlers | undefined
  const server = createServer(
    { requestTimeout: HTTP_LIMITS.request_ms, headersTimeout: HTTP_LIMITS.headers_ms },
    (request, response) => {
      if (handlers !== undefined) handlers.request(request, response)
      else void sendError(request, response, new ForgeError('UNAVAILABLE', 'the server is starting'))
    },
  )
  server.maxConnections = connections
  // Upgraded sockets are no longer on the server's own list.
  const sockets = new Set<Duplex>()
  // One for all: of thousands of idle agents a function for each would keep what is local where it is made.
  const forget = function (this: Duplex): void {
    sockets.delete(this)
  }
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', forget)
    handlers?.admit(socket)
  })
  server.on('drop', () => handlers?.dropped())
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', destroyThis)
    if (handlers !== undefined) handlers.upgrade(request, socket, head)
    else refuseUpgrade(socket, '503 Service Unavailable')
  })
  return {
    server,
    serve(ports) {
      const { hub, log, services, identify, clientAddress, meter } = ports
      const agents = createAgentSockets({
        ...services,
        hub,
        log,
        identify,
        clientAddress,
        meter,
        socketsPerHost: ports.socketsPerHost,
      })
      handlers = {
        request: requestHandler(ports),
        upgrade: upgradeHandler(ports, agents),
        agents,
        admit: createConnectionGate({ clientAddress, meter, socketsPerHost: ports.socketsPerHost }),
        dropped: () => meter.connectionRefused('server_full'),
      }
    },
    drain() {
      handlers?.agents.drain()
    },
    async close() {
      handlers?.agents.close()
      handlers = undefined
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy()
      }, HTTP_LIMITS.shutdown_ms)
      await closed
      clearTimeout(cut)
    },
  }
}

function requestHandler(ports: HttpPorts): Handlers['request'] {
  const blobs = new BlobRoutes(ports.services.blobs, ports.clientAddress, ports.limits)
  return (request, response) => {
    const began_ms = performance.now()
    response.once('close', () =>
      ports.meter.answered(areaOf(pathOf(request)), response.statusCode, performance.now() - began_ms),
    )
    route(ports, blobs, request, response).catch(async (error: unknown) => {
      const forge = toForgeError(error)
      const gone = request.destroyed && !request.complete
      if (forge.code === 'INTERNAL' && !gone)
        ports.log.error('http.failed', { method: request.method, path: pathOf(request), error })
      await sendError(request, response, forge)
    })
  }
}

/** @throws ForgeError, and whatever fails inside */
async function route(
  ports: HttpPorts,
  blobs: BlobRoutes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  setSecurityHeaders(response, ports.origin.startsWith('https:'))
  const reads = request.method === 'GET' || request.method === 'HEAD'
  if (!reads) assertSameOrigin(request)
  const path = pathOf(request)
  if (path === '/healthz' && reads) {
    sendJson(response, 200, { ok: true, epoch: ports.services.hub.epoch })
  } else if (path === READY && reads) {
    await serveReady(response, ports.operator)
  } else if (path === METRICS && reads) {
    await serveMetrics(request, response, ports.operator)
  } else if (path.startsWith(AUTH_PREFIX)) {
    const clientAddress = ports.clientAddress(request)
    await ports.limits.take('host', hostKey(clientAddress), response)
    await serveAuth(request, response, path, { ...ports, clientAddress })
  } else if (path === '/api' || path.startsWith('/api/')) {
    await routeApi(ports, blobs, request, response, path)
  } else if (path.startsWith(EMBED_PREFIX)) {
    const { services, embedAssets } = ports
    await ports.limits.take('host', hostKey(ports.clientAddress(request)), response)
    await serveEmbed(request, response, path, { embed: services.embed, assets: embedAssets })
  } else if (path.startsWith(LOG_PREFIX) || (path === WELL_KNOWN && reads)) {
    await ports.limits.take('host', hostKey(ports.clientAddress(request)), response)
    if (path === WELL_KNOWN) await serveIdentity(response, ports.services.evidence)
    else await serveLog(request, response, path, ports.services.evidence)
  } else if (path.startsWith(SCHEMA_PREFIX) && reads) {
    await ports.limits.take('host', hostKey(ports.clientAddress(request)), response)
    serveSchema(request, response, path.slice(SCHEMA_PREFIX.length), ports.schemas)
  } else if (ports.site !== undefined) {
    handOnClientAddress(request, ports.clientAddress(request))
    const nonce = newNonce()
    const policy = pagePolicy(nonce, ports.dev)
    response.setHeader('content-security-policy', policy)
    // Next takes the nonce for its own inline scripts from the policy on the request, the layout from the other header.
    request.headers['content-security-policy'] = policy
    request.headers['x-nonce'] = nonce
    await ports.site.handle(request, response)
  } else {
    throw new ForgeError('NOT_FOUND', 'there are no pages here')
  }
}

/** Who asks, once he has been counted. @throws ForgeError UNAUTHENTICATED | RATE_LIMITED */
async function contextOf(
  { limits, services, clientAddress, identify }: HttpPorts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<ApiContext> {
  const host = hostKey(clientAddress(request))
  // Before anything is looked up for the request.
  await limits.take('host', host, response)
  const actor = await identify(request)
  const caller = callerOf(actor, host)
  await limits.take(caller.name, caller.who, response)
  return {
    actor,
    services,
    // Examples are paid for by the pool: making another guest must not give another.
    limit: (name) => limits.take(name, name === 'example' ? host : caller.who, response),
  }
}

async function routeApi(
  ports: HttpPorts,
  blobs: BlobRoutes,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  if (path.startsWith(TRPC_PREFIX)) {
    const known = await contextOf(ports, request, response).catch((refusal: unknown) => ({ refusal }))
    return serveTrpc(request, response, path, known, ports.log)
  }
  const context = await contextOf(ports, request, response)
  await serveRest({ request, response, blobs, context, clientAddress: ports.clientAddress }, path)
}

function upgradeHandler(ports: HttpPorts, agents: AgentSockets): Handlers['upgrade'] {
  return (request, socket, head) => {
    try {
      assertSameOrigin(request)
    } catch {
      refuseUpgrade(socket, '403 Forbidden')
      return
    }
    const path = pathOf(request)
    if (request.url === '/agent' || path.startsWith('/live/')) {
      openSocket(ports, agents, { request, socket, head }, path).catch((error: unknown) => {
        const forge = toForgeError(error)
        if (forge.code === 'INTERNAL') ports.log.error('upgrade.failed', { path, error })
        refuseUpgrade(socket, `${forge.status} Refused`)
      })
    } else if (ports.site?.upgrade !== undefined && path.startsWith('/_next/')) {
      ports.site.upgrade(request, socket, head)
    } else refuseUpgrade(socket, '404 Not Found')
  }
}

async function openSocket(
  ports: HttpPorts,
  agents: AgentSockets,
  upgrade: Upgrade,
  path: string,
): Promise<void> {
  const { request, socket, head } = upgrade
  const clientAddress = ports.clientAddress(request)
  await ports.limits.take('upgrade', hostKey(clientAddress))
  if (path === '/agent') {
    agents.accept(request, socket, head)
    return
  }
  const actor = await ports.identify(request)
  await ports.rooms.accept(upgrade, decoded(path.slice('/live/'.length)), { actor, clientAddress })
}

function destroyThis(this: Duplex): void {
  this.destroy()
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

/** The path as it stands in the request line, without the query. */
function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/'
}

/** A name that is not valid percent-encoding names no room. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
