import { callTRPCProcedure, getTRPCErrorFromUnknown, getTRPCErrorShape } from '@trpc/server'
import type { WebSocket } from 'ws'
import { schemaError } from '../../kernel/contract.ts'
import { type ErrorCode, ForgeError } from '../../kernel/errors.ts'
import { CLOSE, type HubMessage, leasesInput, resultInput } from '../../kernel/protocol.ts'
import { type ReceivedResult, readResult, spreadLeaves } from '../../kernel/protocol-result.ts'
import { wireEncoder } from '../../kernel/wire-encoder.ts'
import { toForgeError, toTrpcError } from '../trpc/errors.ts'
import { type HubContext, hubRouter } from '../trpc/hub-router.ts'
import type { AgentGuard, Call, Envelope, RequestId } from './agent-guard.ts'
import type { Outlet } from './outgoing.ts'

/** Whose calls they are. */
export interface CallingLine {
  readonly client: WebSocket
  readonly guard: AgentGuard
  readonly hub: HubContext['hub']
  context(): HubContext
  /** Hears of every call that is answered with an error. */
  refused(path: string, code: ErrorCode, error: unknown): void
}

/**
 * The calls of one agent, in tRPC's messages. What comes once a lease is served without tRPC's machinery, which costs more
 * than everything else that the hub does for a lease: `hub.result`, and the subscription `hub.leases`, which holds nothing
 * but a function. The other procedures are the router's.
 */
export class AgentCalls {
  readonly #line: CallingLine
  readonly #outlet: Outlet
  #subscriptions: readonly Subscription[] = NONE

  constructor(line: CallingLine, outlet: Outlet) {
    this.#line = line
    this.#outlet = outlet
  }

  serve(message: Envelope): void {
    if (message.method === 'subscription.stop') {
      this.#stop(message.id)
      return
    }
    const { id, params } = message
    const isSubscription = message.method === 'subscription'
    const served = isSubscription ? this.#listen(id, params) : this.#answer(message)
    served.catch((error: unknown) => this.#refuse(message, error))
  }

  /** The socket is closed. */
  close(): void {
    const open = this.#subscriptions
    this.#subscriptions = NONE
    for (const { stop } of open) stop?.()
  }

  async #answer(message: Call): Promise<void> {
    const { id, method, params } = message
    const data =
      params.path === 'hub.result'
        ? await this.#line.hub.result(parseResult(params.input))
        : await callTRPCProcedure({
            router: hubRouter,
            path: params.path,
            getRawInput: async () => params.input,
            ctx: this.#line.context(),
            type: method,
            signal: undefined,
            batchIndex: 0,
          })
    this.#line.guard.answered(id)
    this.send({ id, result: { type: 'data', data } })
  }

  async #listen(id: RequestId, { input, lastEventId }: Call['params']): Promise<void> {
    const given = typeof input === 'object' && lastEventId !== undefined ? { ...input, lastEventId } : input
    const parsed = leasesInput.safeParse(given)
    if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID')
    const subscription = new Subscription(this, id)
    this.#subscriptions = [...this.#subscriptions, subscription]
    try {
      subscription.stop = this.#line.hub.listen(parsed.data, subscription)
    } catch (error) {
      this.#leave(subscription)
      throw error
    }
    this.send({ id, result: { type: 'started' } })
    subscription.begin()
    const { client } = this.#line
    if (client.readyState !== client.OPEN) this.close()
  }

  #stop(id: RequestId): void {
    const subscription = this.#subscriptions.find((open) => open.id === id)
    if (subscription === undefined) return
    this.over(subscription)
    subscription.stop?.()
    this.send({ id, result: { type: 'stopped' } })
  }

  /** Called by a subscription to which nothing more will be said. */
  over(subscription: Subscription): void {
    this.#leave(subscription)
    this.#line.guard.answered(subscription.id)
  }

  #leave(subscription: Subscription): void {
    this.#subscriptions = this.#subscriptions.filter((open) => open !== subscription)
  }

  #refuse({ id, method, params: { path } }: Call, thrown: unknown): void {
    const error = thrown instanceof ForgeError ? toTrpcError(thrown) : getTRPCErrorFromUnknown(thrown)
    const forge = toForgeError(error)
    this.#line.refused(path, forge.code, error.cause ?? error)
    this.#line.guard.answered(id)
    const { _config: config } = hubRouter._def
    this.send({
      id,
      error: getTRPCErrorShape({
        config,
        error,
        type: method,
        path,
        input: undefined,
        ctx: this.#line.context(),
      }),
    })
    if (forge.code === 'MESSAGE_INVALID') this.#line.guard.end(CLOSE.malformed, `${path}: ${forge.message}`)
  }

  send(reply: unknown): void {
    const { client } = this.#line
    if (client.readyState !== client.OPEN) return
    this.#line.guard.checkBacklog()
    this.#outlet.send(wireEncoder.encode(reply))
  }

  /** That shards are durable changes nothing for their agent: it may hear of it with its next lease. */
  sendSoon(reply: unknown): void {
    const { client } = this.#line
    if (client.readyState !== client.OPEN) return
    this.#line.guard.checkBacklog()
    this.#outlet.sendSoon(wireEncoder.encode(reply))
  }
}

type Listener = Parameters<HubContext['hub']['listen']>[1]

/** One `hub.leases`: hears what the hub says to the agent. */
class Subscription implements Listener {
  readonly id: RequestId
  readonly #calls: AgentCalls
  /** What is said at once comes after the answer that the subscription has begun. */
  #early: unknown[] | undefined
  #hasBegun = false
  /** Undefined before the hub has it. */
  stop: (() => void) | undefined

  constructor(calls: AgentCalls, id: RequestId) {
    this.#calls = calls
    this.id = id
  }

  message(seen: string, message: HubMessage): void {
    const { id } = this
    const reply = { id, result: { type: 'data', id: seen, data: { id: seen, data: message } } }
    if (this.#hasBegun && message.t === 'accepted') this.#calls.sendSoon(reply)
    else this.#say(reply)
  }

  ended(): void {
    const { id } = this
    this.#calls.over(this)
    this.#say({ id, result: { type: 'stopped' } })
  }

  /** The agent has been told that it begins. */
  begin(): void {
    this.#hasBegun = true
    for (const reply of this.#early ?? []) this.#calls.send(reply)
    this.#early = undefined
  }

  #say(reply: unknown): void {
    if (this.#hasBegun) {
      this.#calls.send(reply)
      return
    }
    this.#early ??= []
    this.#early.push(reply)
  }
}

/** Of every agent that does not listen. */
const NONE: readonly Subscription[] = []

/** Equal to the schema's parse: that is asked where the fast reader does not know an input. */
function parseResult(input: unknown): ReceivedResult {
  const read = readResult(input)
  if (read !== undefined) return read
  const parsed = resultInput.safeParse(spreadLeaves(input))
  if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID')
  return parsed.data
}
