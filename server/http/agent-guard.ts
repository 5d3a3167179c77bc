import { performance } from 'node:perf_hooks'
import type { WebSocket } from 'ws'
import { z } from 'zod'
import { schemaError } from '../../kernel/contract.ts'
import { type ErrorCode, ForgeError } from '../../kernel/errors.ts'
import { CLOSE } from '../../kernel/protocol.ts'
import { decodeInPlace, wireEncoder } from '../../kernel/wire-encoder.ts'
import { TokenBucket } from '../core/token-bucket.ts'
import { toForgeError } from '../trpc/errors.ts'
import { AGENT_LIMITS } from './limits.ts'

const requestId = z.union([z.int().min(0), z.string().min(1).max(64)])
export type RequestId = z.infer<typeof requestId>
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

/** tRPC's envelope, as narrow as the hub's procedures need it. Inputs are parsed where they are served. */
const envelopeSchema = z.discriminatedUnion('method', [
  call('query', ['hub.challenge', 'hub.contract']),
  call('mutation', ['hub.enrol', 'hub.result', 'hub.release']),
  call('subscription', ['hub.leases']),
  z.strictObject({ id: requestId, jsonrpc, method: z.literal('subscription.stop') }),
])
export type Envelope = z.infer<typeof envelopeSchema>
/** Everything but the end of a subscription. */
export type Call = Exclude<Envelope, { readonly method: 'subscription.stop' }>

const CLOSE_CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  TOO_LARGE: CLOSE.too_large,
  RATE_LIMITED: CLOSE.too_many,
}

/** What is guarded. */
export interface GuardedLine {
  readonly client: WebSocket
  /** The guard has closed it, and why. */
  cut(code: number, reason: string): void
}

/** Ids of open calls are few: an empty Set of an idle agent's would cost more than a new array for each of its calls. */
const NONE: readonly RequestId[] = []

function without(ids: readonly RequestId[], id: RequestId): readonly RequestId[] {
  if (ids.length === 0 || (ids.length === 1 && ids[0] === id)) return NONE
  return ids.filter((other) => other !== id)
}

/** Accounts of one socket: rates, open calls, when it was last heard, and the one way to end it. */
export class AgentGuard {
  readonly #line: GuardedLine
  readonly #messages = new TokenBucket(
    AGENT_LIMITS.messages_per_s,
    AGENT_LIMITS.messages_burst,
    performance.now(),
  )
  readonly #bytes = new TokenBucket(AGENT_LIMITS.bytes_per_s, AGENT_LIMITS.bytes_burst, performance.now())
  #calls: readonly RequestId[] = NONE
  #subscriptions: readonly RequestId[] = NONE
  #enrolments = 0
  #challenges = 0
  #isOver = false
  /** Monotonic milliseconds. */
  heard_ms = performance.now()

  constructor(line: GuardedLine) {
    this.#line = line
  }

  admit(length_bytes: number): void {
    const now_ms = performance.now()
    this.heard_ms = now_ms
    const within = this.#messages.take(1, now_ms) && this.#bytes.take(length_bytes, now_ms)
    if (!within) this.end(CLOSE.too_many, 'too many messages')
  }

  /** @returns undefined for every frame that is not to be served; the socket is being closed then */
  decode(frame: string | Uint8Array): Envelope | undefined {
    if (this.#isOver) return undefined
    try {
      // The socket hands each message over: its bytes are this hub's own.
      const message = typeof frame === 'string' ? wireEncoder.decode(frame) : decodeInPlace(frame)
      const parsed = envelopeSchema.safeParse(message)
      if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID', 'message')
      if (parsed.data.method !== 'subscription.stop') this.#open(parsed.data)
      return parsed.data
    } catch (error) {
      const forge = toForgeError(error)
      this.end(CLOSE_CODES[forge.code] ?? CLOSE.malformed, forge.message)
      return undefined
    }
  }

  /** The call has been answered, or the subscription is over. */
  answered(id: RequestId): void {
    this.#calls = without(this.#calls, id)
    this.#subscriptions = without(this.#subscriptions, id)
  }

  /** Cuts an agent off that does not read what it is sent. */
  checkBacklog(): void {
    if (this.#line.client.bufferedAmount > AGENT_LIMITS.backlog_bytes)
      this.end(CLOSE.too_many, 'the agent does not read what it is sent')
  }

  /** @throws ForgeError MESSAGE_INVALID | RATE_LIMITED */
  #open({ id, method, params: { path } }: Call): void {
    if (this.#calls.includes(id) || this.#subscriptions.includes(id)) {
      throw new ForgeError('MESSAGE_INVALID', `the request id ${id} is in use`)
    }
    if (path === 'hub.enrol' && ++this.#enrolments > AGENT_LIMITS.enrolments_per_socket) {
      throw new ForgeError('RATE_LIMITED', 'too many enrolments on one connection')
    }
    if (path === 'hub.challenge' && ++this.#challenges > AGENT_LIMITS.challenges_per_socket) {
      throw new ForgeError('RATE_LIMITED', 'too many challenges on one connection')
    }
    const [open, limit] =
      method === 'subscription'
        ? [this.#subscriptions, AGENT_LIMITS.subscriptions]
        : [this.#calls, AGENT_LIMITS.calls_in_flight]
    if (open.length >= limit) throw new ForgeError('RATE_LIMITED', 'too many open calls on one connection')
    if (method === 'subscription') this.#subscriptions = [...open, id]
    else this.#calls = [...open, id]
  }

  /** Closes with a reason; says so once. */
  end(code: number, reason: string): void {
    if (this.#isOver) return
    this.#isOver = true
    const { client } = this.#line
    client.close(code, clip(reason))
    // A peer that does not answer the close frame is cut.
    setTimeout(() => client.terminate(), AGENT_LIMITS.close_grace_ms).unref()
    this.#line.cut(code, reason)
  }
}

/** A close frame's reason has at most 123 bytes (RFC 6455 section 5.5). */
function clip(reason: string): string {
  const bytes = new TextEncoder().encode(reason)
  if (bytes.length <= 123) return reason
  return new TextDecoder().decode(bytes.subarray(0, 120)).replace(/\ufffd+$/, '')
}
