import type { IncomingMessage } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { CLOSE } from '../../kernel/protocol.ts'
import { WIRE_LIMITS } from '../../kernel/wire-encoder.ts'
import type { AgentOwnerPorts } from '../core/agent-owner.ts'
import { HostCap } from '../core/host-cap.ts'
import type { Log } from '../core/log.ts'
import type { DoorMeter } from '../observe/door-meter.ts'
import type { HubContext } from '../trpc/hub-router.ts'
import { AgentClient, AgentLine, type Exchange } from './agent-line.ts'
import type { ClientAddress } from './client-address.ts'
import type { Identify } from './identify.ts'
import { Inbox } from './inbox.ts'
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

/** Silent sockets are looked for this often. */
const LOOK_MS = 5_000

export function createAgentSockets(ports: AgentSocketPorts): AgentSockets {
  const { hub, owners, tokens, challenges, embed, log, meter } = ports
  const wss = new WebSocketServer<typeof AgentClient>({
    noServer: true,
    clientTracking: false,
    maxPayload: WIRE_LIMITS.frame_bytes,
    perMessageDeflate: false,
    WebSocket: AgentClient,
  })
  let isDraining = false
  const hosts = new HostCap(ports.socketsPerHost ?? AGENT_LIMITS.sockets_per_host)
  const lines = new Set<AgentLine>()
  const exchange: Exchange = {
    hub,
    owners,
    tokens,
    challenges,
    embed,
    identify: ports.identify,
    log,
    meter,
    inbox: new Inbox(),
    outgoing: new Outgoing(),
    lines,
  }

  const look = setInterval(() => {
    const now_ms = performance.now()
    for (const line of lines) {
      const silent_ms = now_ms - line.guard.heard_ms
      if (silent_ms >= AGENT_LIMITS.ping_ms + AGENT_LIMITS.pong_wait_ms) line.client.terminate()
      else if (silent_ms >= AGENT_LIMITS.ping_ms) line.ask()
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
      const hasRoom = hosts.hold(socket, remoteAddress)
      wss.handleUpgrade(request, socket, head, (client) => {
        if (isDraining) {
          client.on('error', () => client.terminate())
          client.close(CLOSE.restarting, 'the hub restarts')
        } else if (hasRoom) AgentLine.open(exchange, client, socket, remoteAddress, request.headers)
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
      for (const { client } of lines) client.close(CLOSE.restarting, 'the hub restarts')
      wss.close()
    },
  }
}
