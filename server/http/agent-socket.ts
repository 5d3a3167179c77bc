import type { IncomingMessage } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { getWSConnectionHandler } from '@trpc/server/adapters/ws'
import { type WebSocket, WebSocketServer } from 'ws'
import { z } from 'zod'
import { schemaError } from '../../kernel/contract.ts'
import { type ErrorCode, ForgeError } from '../../kernel/errors.ts'
import { CLOSE } from '../../kernel/protocol.ts'
import { WIRE_LIMITS, wireEncoder } from '../../kernel/wire-encoder.ts'
import type { AgentOwnerPorts } from '../core/agent-owner.ts'
import { HostCap } from '../core/host-cap.ts'
import type { Log } from '../core/log.ts'
import { TokenBucket } from '../core/token-bucket.ts'
import type { DoorMeter } from '../observe/door-meter.ts'
import { toForgeError } from '../trpc/errors.ts'
import { type HubContext, hubRouter } from '../trpc/hub-router.ts'
import type { ClientAddress } from './client-address.ts'
import type { Identify } from './identify.ts'
import { AGENT_LIMITS } from './limits.ts'

/**
 * The agents' WebSocket. Everything that can be decided without the hub is decided here: rate, size, encoding, shape.
 * An agent that breaks the protocol is disconnected with a code and a reason; the hub never sees the message.
 */

export interface AgentSocketPorts extends AgentOwnerPorts, Pick<HubContext, 'hub' | 'challenges' | 'embed'> {
  readonly identify: Identify
  readonly clientAddress: ClientAddress
  readonly log: Log
  readonly meter: DoorMeter
}

export interface AgentSockets {
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Disconnects every agent; they come back with jitter. */
  close(): void
}

const requestId = z.union([z.int().min(0), z.string().min(1).max(64)])
const jsonrpc = z.literal('2.0').optional()

const call = <M extends string, P extends string>(method: M, paths: readonly P[]) =>
  z.strictObject({
    id: requestId,
    jsonrpc,
    method: z.literal(method),
    params: z.strictObject({
      path: z.enum(paths),
      input: z.unknown(),
      lastEventId: z.string().max(64).optional(),
    }),
  })

/** tRPC's envelope, as narrow as the hub's procedures need it. Inputs are parsed by the router. */
const envelopeSchema = z.discriminatedUnion('method', [
  call('query', ['hub.challenge', 'hub.contract']),
  call('mutation', ['hub.enrol', 'hub.result', 'hub.release']),
  call('subscription', ['hub.leases']),
  z.strictObject({ id: requestId, jsonrpc, method: z.literal('subscription.stop') }),
])
type Envelope = z.infer<typeof envelopeSchema>

/** What tRPC hands to the encoder, as far as the accounts of open calls need it. */
const replySchema = z.object({
  id: requestId.nullish(),
  error: z.unknown().optional(),
  result: z.object({ type: z.string() }).optional(),
})

export function createAgentSockets(ports: AgentSocketPorts): AgentSockets {
  const { hub, owners, tokens, challenges, embed, log, meter } = ports
  const wss = new WebSocketServer({
    noServer: true,
    maxPayload: WIRE_LIMITS.frame_bytes,
    perMessageDeflate: false,
  })
  const hosts = new HostCap(AGENT_LIMITS.sockets_per_host)

  const serve = (client: WebSocket, request: IncomingMessage, remoteAddress: string): void => {
    const guard = new AgentGuard(client, (code, reason) => {
      log.info('agent.disconnected', { remoteAddress, code, reason })
      meter.agentCut(WHY_CUT[code] ?? 'malformed')
    })
    // Before tRPC's own listener: a message over the limits is counted and refused before it is decoded.
    client.on('message', (data: Buffer) => guard.admit(data.length))
    client.on('ping', (data: Buffer) => guard.admit(data.length))
    client.on('pong', (data: Buffer) => guard.admit(data.length))
    getWSConnectionHandler({
      wss,
      router: hubRouter,
      createContext: () => ({
        remoteAddress,
        hub,
        owners,
        tokens,
        challenges,
        embed,
        identify: () => ports.identify(request),
      }),
      experimental_encoder: {
        encode: (reply) => guard.encode(reply),
        decode: (frame) => guard.decode(frame),
      },
      keepAlive: { enabled: true, pingMs: AGENT_LIMITS.ping_ms, pongWaitMs: AGENT_LIMITS.pong_wait_ms },
      onError({ error, path }) {
        const forge = toForgeError(error)
        if (path === undefined) {
          log.debug('agent.socket_error', { remoteAddress, error })
          return
        }
        if (forge.code === 'INTERNAL')
          log.error('agent.call_failed', { remoteAddress, path, error: error.cause ?? error })
        if (forge.code === 'MESSAGE_INVALID') guard.end(CLOSE.malformed, `${path}: ${forge.message}`)
      },
    })(client, request)
  }

  return {
    accept(request, socket, head) {
      if (request.socket.remoteAddress === undefined) {
        socket.destroy()
        return
      }
      const remoteAddress = ports.clientAddress(request)
      const leave = hosts.enter(remoteAddress)
      socket.once('close', () => leave?.())
      wss.handleUpgrade(request, socket, head, (client) => {
        if (leave !== undefined) serve(client, request, remoteAddress)
        else {
          client.on('error', () => client.terminate())
          client.close(CLOSE.too_many, 'too many connections from this address')
          meter.agentCut('address_full')
        }
      })
    },
    close() {
      for (const client of wss.clients) client.close(CLOSE.restarting, 'the hub restarts')
      wss.close()
    },
  }
}

const CLOSE_CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  TOO_LARGE: CLOSE.too_large,
  RATE_LIMITED: CLOSE.too_many,
}

const WHY_CUT: Readonly<Record<number, string>> = {
  [CLOSE.malformed]: 'malformed',
  [CLOSE.too_large]: 'too_large',
  [CLOSE.too_many]: 'too_many',
}

/** Accounts of one socket: rates, open calls, and the one way to end it. */
class AgentGuard {
  readonly #client: WebSocket
  readonly #ended: (code: number, reason: string) => void
  readonly #messages = new TokenBucket(
    AGENT_LIMITS.messages_per_s,
    AGENT_LIMITS.messages_burst,
    performance.now(),
  )
  readonly #bytes = new TokenBucket(AGENT_LIMITS.bytes_per_s, AGENT_LIMITS.bytes_burst, performance.now())
  readonly #calls = new Set<string | number>()
  readonly #subscriptions = new Set<string | number>()
  #enrolments = 0
  #challenges = 0
  #isOver = false

  constructor(client: WebSocket, ended: (code: number, reason: string) => void) {
    this.#client = client
    this.#ended = ended
  }

  admit(length_bytes: number): void {
    const now_ms = performance.now()
    const within = this.#messages.take(1, now_ms) && this.#bytes.take(length_bytes, now_ms)
    if (!within) this.end(CLOSE.too_many, 'too many messages')
  }

  /** @throws ForgeError for every frame that is not to be served; the socket is being closed then */
  decode(frame: string | ArrayBuffer | Uint8Array): Envelope {
    if (this.#isOver) throw new ForgeError('CANCELLED', 'the connection is being closed')
    try {
      const parsed = envelopeSchema.safeParse(wireEncoder.decode(frame))
      if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID', 'message')
      this.#open(parsed.data)
      return parsed.data
    } catch (error) {
      const forge = toForgeError(error)
      this.end(CLOSE_CODES[forge.code] ?? CLOSE.malformed, forge.message)
      throw forge
    }
  }

  encode(reply: unknown): Uint8Array<ArrayBuffer> {
    const { id, error, result } = replySchema.parse(reply)
    if (id !== null && id !== undefined) {
      this.#calls.delete(id)
      if (error !== undefined || result?.type === 'stopped') this.#subscriptions.delete(id)
    }
    if (this.#client.bufferedAmount > AGENT_LIMITS.backlog_bytes) {
      this.end(CLOSE.too_many, 'the agent does not read what it is sent')
    }
    return wireEncoder.encode(reply)
  }

  #open(message: Envelope): void {
    if (message.method === 'subscription.stop') return
    const { id } = message
    if (this.#calls.has(id) || this.#subscriptions.has(id)) {
      throw new ForgeError('MESSAGE_INVALID', `the request id ${id} is in use`)
    }
    if (message.params.path === 'hub.enrol' && ++this.#enrolments > AGENT_LIMITS.enrolments_per_socket) {
      throw new ForgeError('RATE_LIMITED', 'too many enrolments on one connection')
    }
    if (message.params.path === 'hub.challenge' && ++this.#challenges > AGENT_LIMITS.challenges_per_socket) {
      throw new ForgeError('RATE_LIMITED', 'too many challenges on one connection')
    }
    const [open, limit] =
      message.method === 'subscription'
        ? [this.#subscriptions, AGENT_LIMITS.subscriptions]
        : [this.#calls, AGENT_LIMITS.calls_in_flight]
    if (open.size >= limit) throw new ForgeError('RATE_LIMITED', 'too many open calls on one connection')
    open.add(id)
  }

  /** Closes with a reason; says so once. */
  end(code: number, reason: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#client.close(code, clip(reason))
    // A peer that does not answer the close frame is cut.
    setTimeout(() => this.#client.terminate(), AGENT_LIMITS.close_grace_ms).unref()
    this.#ended(code, reason)
  }
}

/** A close frame's reason has at most 123 bytes (RFC 6455 section 5.5). */
function clip(reason: string): string {
  const bytes = new TextEncoder().encode(reason)
  if (bytes.length <= 123) return reason
  return new TextDecoder().decode(bytes.subarray(0, 120)).replace(/\ufffd+$/, '')
}
