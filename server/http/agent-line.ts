import type { IncomingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import type { ErrorCode } from '../../kernel/errors.ts'
import { CLOSE } from '../../kernel/protocol.ts'
import type { AgentOwnerPorts } from '../core/agent-owner.ts'
import type { Log } from '../core/log.ts'
import type { DoorMeter } from '../observe/door-meter.ts'
import type { HubContext } from '../trpc/hub-router.ts'
import { AgentCalls } from './agent-calls.ts'
import { AgentGuard } from './agent-guard.ts'
import type { Credentials, Identify } from './identify.ts'
import type { Inbox, Recipient } from './inbox.ts'
import type { Outgoing } from './outgoing.ts'

/** tRPC's own words, in text, by which either side sees that a silent one is there. */
const PING = 'PING'
const PONG = 'PONG'

const WHY_CUT: Readonly<Record<number, string>> = {
  [CLOSE.malformed]: 'malformed',
  [CLOSE.too_large]: 'too_large',
  [CLOSE.too_many]: 'too_many',
}

/** What all lines have in common. */
export interface Exchange extends AgentOwnerPorts, Pick<HubContext, 'hub' | 'challenges' | 'embed'> {
  readonly identify: Identify
  readonly log: Log
  readonly meter: DoorMeter
  readonly inbox: Inbox
  readonly outgoing: Outgoing
  /** Lines whose sockets are open. */
  readonly lines: Set<AgentLine>
}

/** Finds its line by itself: with a function for each event of each socket, an idle agent would cost a tenth more. */
export class AgentClient extends WebSocket {
  line: AgentLine | undefined
}

/** Of a socket that was opened without any. */
const NO_CREDENTIALS: Credentials = { headers: {} }

/** One agent's connection: its socket, its accounts and its calls. Thousands are idle, so that each field counts. */
export class AgentLine implements Recipient {
  readonly client: AgentClient
  readonly guard: AgentGuard
  readonly remoteAddress: string
  waiting_bytes = 0
  readonly #exchange: Exchange
  readonly #credentials: Credentials
  readonly #calls: AgentCalls
  /** It was silent and has been asked whether it is there. */
  #isAsked = false

  private constructor(
    exchange: Exchange,
    client: AgentClient,
    socket: Duplex,
    remoteAddress: string,
    credentials: Credentials,
  ) {
    this.#exchange = exchange
    this.client = client
    this.remoteAddress = remoteAddress
    this.#credentials = credentials
    this.guard = new AgentGuard(this)
    this.#calls = new AgentCalls(this, exchange.outgoing.outlet(client, socket))
  }

  /**
   * Serves a socket that has just opened.
   * @param socket the one under `client`
   * @param headers of the request that opened it; the request itself must not be kept
   */
  static open(
    exchange: Exchange,
    client: AgentClient,
    socket: Duplex,
    remoteAddress: string,
    { authorization, cookie }: IncomingHttpHeaders,
  ): void {
    const credentials =
      authorization === undefined && cookie === undefined
        ? NO_CREDENTIALS
        : { headers: { ...(authorization && { authorization }), ...(cookie && { cookie }) } }
    const line = new AgentLine(exchange, client, socket, remoteAddress, credentials)
    client.line = line
    exchange.lines.add(line)
    client.on('message', heard)
    client.on('ping', counted)
    client.on('pong', counted)
    client.on('error', failed)
    client.on('close', closed)
  }

  get hub(): HubContext['hub'] {
    return this.#exchange.hub
  }

  /** For the router, which is asked for little more than the enrolment. */
  context(): HubContext {
    const { hub, owners, tokens, challenges, embed, identify } = this.#exchange
    const credentials = this.#credentials
    return {
      remoteAddress: this.remoteAddress,
      hub,
      owners,
      tokens,
      challenges,
      embed,
      identify: () => identify(credentials),
    }
  }

  hear(data: Buffer, isBinary: boolean): void {
    // A message over the limits is counted and refused before it is decoded.
    this.guard.admit(data.length)
    this.#isAsked = false
    const word = isBinary || data.length !== PING.length ? undefined : data.toString('latin1')
    if (word === PONG) return
    if (word === PING) {
      this.client.send(PONG)
      return
    }
    if (isBinary) this.#exchange.inbox.push(this, data)
    else this.guard.decode(data.toString())
  }

  serve(frame: Buffer): void {
    const message = this.guard.decode(frame)
    if (message !== undefined) this.#calls.serve(message)
  }

  /** Asks a silent one whether it is there, once. */
  ask(): void {
    if (this.#isAsked) return
    this.#isAsked = true
    this.client.send(PING)
  }

  /** The guard has ended it. */
  cut(code: number, reason: string): void {
    const { log, meter } = this.#exchange
    log.info('agent.disconnected', { remoteAddress: this.remoteAddress, code, reason })
    meter.agentCut(WHY_CUT[code] ?? 'malformed')
  }

  /** A call was answered with an error. */
  refused(path: string, code: ErrorCode, error: unknown): void {
    const { log, meter } = this.#exchange
    meter.agentRefused(code)
    if (code === 'INTERNAL')
      log.error('agent.call_failed', { remoteAddress: this.remoteAddress, path, error })
  }

  failed(error: Error): void {
    const { log, meter } = this.#exchange
    const { remoteAddress } = this
    const why = whyRefused(error)
    if (why === undefined) log.debug('agent.socket_error', { remoteAddress, error })
    else {
      log.info('agent.disconnected', { remoteAddress, reason: error.message })
      meter.agentCut(why)
    }
  }

  closed(): void {
    this.#exchange.lines.delete(this)
    this.#calls.close()
  }
}

// Listeners of every client, called with it as `this`.

function heard(this: WebSocket, data: unknown, isBinary: boolean): void {
  if (this instanceof AgentClient) this.line?.hear(data as Buffer, isBinary)
}

function counted(this: WebSocket, data: Buffer): void {
  if (this instanceof AgentClient) this.line?.guard.admit(data.length)
}

function failed(this: WebSocket, error: Error): void {
  if (this instanceof AgentClient) this.line?.failed(error)
}

function closed(this: WebSocket): void {
  if (this instanceof AgentClient) this.line?.closed()
}

/** What ws says of frames that it refuses by itself, before their payload is read; undefined: the connection broke. */
function whyRefused(error: Error): string | undefined {
  const code = 'code' in error ? String(error.code) : ''
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return 'too_large'
  return code.startsWith('WS_ERR_') ? 'malformed' : undefined
}
