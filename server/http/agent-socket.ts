import type { IncomingMessage } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { CLOSE } from '../../kernel/protocol.ts'
import { WIRE_LIMITS } from '../../kernel/wire-encoder.ts'
import type { AgentOwnerPorts } from '../core/agent-owner.ts'
import { HostCap } from '../core/host-cap.ts'
import type { Log } from '../core/log.ts'
import type { DoorMeter } from '../observe/door-meter.ts'
import type { HubContext } from '../trpc/hub-router.ts'
import { AgentCalls } from './agent-calls.ts'
import { AgentGuard } from './agent-guard.ts'
import type { ClientAddress } from './client-address.ts'
import type { Identify } from './identify.ts'
import { Inbox, type Recipient } from './inbox.ts'
import { AGENT_LIMITS } from './limits.ts'
import { Outgoing } from './outgoing.ts'

/**
 * The agents' WebSocket. Everything that can be decided without the hub is decided here: rate, size, encoding, shape.
 * An agent that breaks the protocol is disconnected with a code and a reason; the hub never sees the message.
 */

export interface AgentSocketPorts extends AgentOwnerPorts, Pick<HubContext, 'hub' | 'challenges' | 'embed'> {
  readonly identify: Identify
  readonly clientAddress: ClientAddress
  readonly log: Log
  readonly meter: DoorMeter
  /** Undefined: AGENT_LIMITS. */
  readonly socketsPerHost?: number | undefined
}

export interface AgentSockets {
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Sends newcomers away: another server takes them. */
  drain(): void
  /** Disconnects every agent; they come back with jitter. */
  close(): void
}

/** tRPC's own words, in text, by which either side sees that a silent one is there. */
const PING = 'PING'
const PONG = 'PONG'
/** Silent sockets are looked for this often. */
const LOOK_MS = 5_000

const WHY_CUT: Readonly<Record<number, string>> = {
  [CLOSE.malformed]: 'malformed',
  [CLOSE.too_large]: 'too_large',
  [CLOSE.too_many]: 'too_many',
}

/** What ws says of frames that it refuses by itself, before their payload is read; undefined: the connection broke. */
function whyRefused(error: Error): string | undefined {
  const code = 'code' in error ? String(error.code) : ''
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return 'too_large'
  return code.startsWith('WS_ERR_') ? 'malformed' : undefined
}

interface Connection extends Recipient {
  readonly guard: AgentGuard
  isAsked: boolean
}

export function createAgentSockets(ports: AgentSocketPorts): AgentSockets {
  const { hub, owners, tokens, challenges, embed, log, meter } = ports
  const wss = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: WIRE_LIMITS.frame_bytes,
    perMessageDeflate: false,
  })
  let isDraining = false
  const hosts = new HostCap(ports.socketsPerHost ?? AGENT_LIMITS.sockets_per_host)
  const outgoing = new Outgoing()
  const inbox = new Inbox()
  const connections = new Set<Connection>()

  const serve = (
    client: WebSocket,
    socket: Duplex,
    request: IncomingMessage,
    remoteAddress: string,
  ): void => {
    const guard = new AgentGuard(client, (code, reason) => {
      log.info('agent.disconnected', { remoteAddress, code, reason })
      meter.agentCut(WHY_CUT[code] ?? 'malformed')
    })
    // The request itself is not kept: of thousands of idle agents it would be a tenth of what they cost.
    const { authorization, cookie } = request.headers
    const credentials = { headers: { ...(authorization && { authorization }), ...(cookie && { cookie }) } }
    const context: HubContext = {
      remoteAddress,
      hub,
      owners,
      tokens,
      challenges,
      embed,
      identify: () => ports.identify(credentials),
    }
    const calls = new AgentCalls(
      client,
      guard,
      context,
      outgoing.outlet(client, socket),
      (path, code, error) => {
        meter.agentRefused(code)
        if (code === 'INTERNAL') log.error('agent.call_failed', { remoteAddress, path, error })
      },
    )
    const connection: Connection = {
      client,
      guard,
      isAsked: false,
      waiting_bytes: 0,
      serve(frame) {
        const message = guard.decode(frame)
        if (message !== undefined) calls.serve(message)
      },
    }
    connections.add(connection)
    client.on('message', (data: Buffer, isBinary) => {
      // A message over the limits is counted and refused before it is decoded.
      guard.admit(data.length)
      connection.isAsked = false
      const word = isBinary || data.length !== PING.length ? undefined : data.toString('latin1')
      if (word === PONG) return
      if (word === PING) {
        client.send(PONG)
        return
      }
      if (isBinary) inbox.push(connection, data)
      else guard.decode(data.toString())
    })
    client.on('ping', (data: Buffer) => guard.admit(data.length))
    client.on('pong', (data: Buffer) => guard.admit(data.length))
    client.on('error', (error) => {
      const why = whyRefused(error)
      if (why === undefined) log.debug('agent.socket_error', { remoteAddress, error })
      else {
        log.info('agent.disconnected', { remoteAddress, reason: error.message })
        meter.agentCut(why)
      }
    })
    client.once('close', () => {
      connections.delete(connection)
      calls.close()
    })
  }

  const look = setInterval(() => {
    const now_ms = performance.now()
    for (const connection of connections) {
      const { client, guard } = connection
      const silent_ms = now_ms - guard.heard_ms
      if (silent_ms >= AGENT_LIMITS.ping_ms + AGENT_LIMITS.pong_wait_ms) client.terminate()
      else if (silent_ms >= AGENT_LIMITS.ping_ms && !connection.isAsked) {
        connection.isAsked = true
        client.send(PING)
      }
    }
  }, LOOK_MS)
  look.unref()

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
        if (isDraining) {
          client.on('error', () => client.terminate())
          client.close(CLOSE.restarting, 'the hub restarts')
        } else if (leave !== undefined) serve(client, socket, request, remoteAddress)
        else {
          client.on('error', () => client.terminate())
          client.close(CLOSE.too_many, 'too many connections from this address')
          setTimeout(() => client.terminate(), AGENT_LIMITS.close_grace_ms).unref()
          meter.agentCut('address_full')
        }
      })
    },
    drain() {
      isDraining = true
    },
    close() {
      clearInterval(look)
      for (const { client } of connections) client.close(CLOSE.restarting, 'the hub restarts')
      wss.close()
    },
  }
}
