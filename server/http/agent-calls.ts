import { callTRPCProcedure, getTRPCErrorFromUnknown, getTRPCErrorShape } from '@trpc/server'
import type { WebSocket } from 'ws'
import { schemaError } from '../../kernel/contract.ts'
import { type ErrorCode, ForgeError } from '../../kernel/errors.ts'
import { CLOSE, leasesInput, resultInput } from '../../kernel/protocol.ts'
import { readResult } from '../../kernel/protocol-result.ts'
import { wireEncoder } from '../../kernel/wire-encoder.ts'
import { toForgeError, toTrpcError } from '../trpc/errors.ts'
import { type HubContext, hubRouter } from '../trpc/hub-router.ts'
import type { AgentGuard, Call, Envelope, RequestId } from './agent-guard.ts'
import type { Outlet } from './outgoing.ts'

type Refused = (path: string, code: ErrorCode, error: unknown) => void

/**
 * The calls of one agent, in tRPC's messages. What comes once a lease is served without tRPC's machinery, which costs more
 * than everything else that the hub does for a lease: `hub.result`, and the subscription `hub.leases`, which holds nothing
 * but a function. The other procedures are the router's.
 */
export class AgentCalls {
  readonly #client: WebSocket
  readonly #guard: AgentGuard
  readonly #context: HubContext
  readonly #outlet: Outlet
  readonly #refused: Refused
  /** How to stop each subscription. */
  readonly #subscriptions = new Map<RequestId, () => void>()

  /** @param refused hears of every call that is answered with an error */
  constructor(client: WebSocket, guard: AgentGuard, context: HubContext, outlet: Outlet, refused: Refused) {
    this.#client = client
    this.#guard = guard
    this.#context = context
    this.#outlet = outlet
    this.#refused = refused
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
    for (const stop of this.#subscriptions.values()) stop()
    this.#subscriptions.clear()
  }

  async #answer(message: Call): Promise<void> {
    const { id, method, params } = message
    const data =
      params.path === 'hub.result'
        ? await this.#context.hub.result(parseResult(params.input))
        : await callTRPCProcedure({
            router: hubRouter,
            path: params.path,
            getRawInput: async () => params.input,
            ctx: this.#context,
            type: method,
            signal: undefined,
            batchIndex: 0,
          })
    this.#guard.answered(id)
    this.#send({ id, result: { type: 'data', data } })
  }

  async #listen(id: RequestId, { input, lastEventId }: Call['params']): Promise<void> {
    const given = typeof input === 'object' && lastEventId !== undefined ? { ...input, lastEventId } : input
    const parsed = leasesInput.safeParse(given)
    if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID')
    // What is said at once comes after the answer that the subscription has begun.
    let early: unknown[] | undefined = []
    let isOver = false
    const say = (reply: unknown, mayWait = false) => {
      if (early !== undefined) early.push(reply)
      else if (mayWait) this.#sendSoon(reply)
      else this.#send(reply)
    }
    const stop = this.#context.hub.listen(parsed.data, {
      message: (seen, message) =>
        say(
          { id, result: { type: 'data', id: seen, data: { id: seen, data: message } } },
          message.t === 'accepted',
        ),
      ended: () => {
        isOver = true
        this.#subscriptions.delete(id)
        this.#guard.answered(id)
        say({ id, result: { type: 'stopped' } })
      },
    })
    if (!isOver) this.#subscriptions.set(id, stop)
    const waiting = early
    early = undefined
    this.#send({ id, result: { type: 'started' } })
    for (const reply of waiting) this.#send(reply)
    if (this.#client.readyState !== this.#client.OPEN) this.close()
  }

  #stop(id: RequestId): void {
    const stop = this.#subscriptions.get(id)
    if (stop === undefined) return
    this.#subscriptions.delete(id)
    this.#guard.answered(id)
    stop()
    this.#send({ id, result: { type: 'stopped' } })
  }

  #refuse({ id, method, params: { path } }: Call, thrown: unknown): void {
    const error = thrown instanceof ForgeError ? toTrpcError(thrown) : getTRPCErrorFromUnknown(thrown)
    const forge = toForgeError(error)
    this.#refused(path, forge.code, error.cause ?? error)
    this.#guard.answered(id)
    const { _config: config } = hubRouter._def
    this.#send({
      id,
      error: getTRPCErrorShape({ config, error, type: method, path, input: undefined, ctx: this.#context }),
    })
    if (forge.code === 'MESSAGE_INVALID') this.#guard.end(CLOSE.malformed, `${path}: ${forge.message}`)
  }

  #send(reply: unknown): void {
    if (this.#client.readyState !== this.#client.OPEN) return
    this.#guard.checkBacklog()
    this.#outlet.send(wireEncoder.encode(reply))
  }

  /** That shards are durable changes nothing for their agent: it may hear of it with its next lease. */
  #sendSoon(reply: unknown): void {
    if (this.#client.readyState !== this.#client.OPEN) return
    this.#guard.checkBacklog()
    this.#outlet.sendSoon(wireEncoder.encode(reply))
  }
}

/** Equal to the schema's parse: that is asked where the fast reader does not know an input. */
function parseResult(input: unknown) {
  const read = readResult(input)
  if (read !== undefined) return read
  const parsed = resultInput.safeParse(input)
  if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID')
  return parsed.data
}
