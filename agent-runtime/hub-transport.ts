import { createTRPCUntypedClient, createWSClient, TRPCClientError, wsLink } from '@trpc/client'
import { ForgeError } from '../kernel/errors.ts'
import { CLOSE, hubErrorData } from '../kernel/protocol.ts'
import { wireEncoder } from '../kernel/wire-encoder.ts'
import { AGENT_LIMITS } from './limits.ts'

/** What a connection hears on a subscription. */
export interface SubscriptionHandlers {
  data(value: unknown): void
  /** The hub refused or ended it. Nothing follows. */
  ended(error: ForgeError): void
}

/** One live connection to a hub. Nothing on it is trusted until parsed. */
export interface HubConnection {
  /** @throws ForgeError as the hub answers; UNAVAILABLE when the connection ends first */
  call(kind: 'query' | 'mutation', path: string, input: unknown, signal: AbortSignal): Promise<unknown>
  /** @returns stops the subscription */
  subscribe(path: string, input: unknown, handlers: SubscriptionHandlers): () => void
  close(): void
}

/** How a session reaches a hub; the session owns every reconnect, so that its waiting can be tested. */
export interface HubTransport {
  /**
   * @param onClosed called once when an open connection ends by itself, with the reason
   * @throws ForgeError UNAVAILABLE when no connection comes about
   */
  connect(onClosed: (error: ForgeError) => void, signal: AbortSignal): Promise<HubConnection>
}

export interface WebSocketTransportOptions {
  /** `ws:` or `wss:` address of the hub's `/agent`. */
  readonly url: string
  /** Where the host has none of its own (Node 20). */
  readonly WebSocket?: typeof WebSocket
}

const CLOSE_REASONS: Readonly<Record<number, string>> = {
  [CLOSE.malformed]: 'the hub could not understand this agent; its version may be too old',
  [CLOSE.too_large]: 'the hub refused a message as too large',
  [CLOSE.too_many]: 'the hub asks this agent to slow down',
  [CLOSE.restarting]: 'the hub is restarting',
}

/** tRPC over one WebSocket in the binary encoding; its own reconnecting is off. */
export function webSocketTransport(options: WebSocketTransportOptions): HubTransport {
  return {
    connect: (onClosed, signal) =>
      new Promise((resolve, reject) => {
        let opened = false
        let ended = false
        const end = (error: ForgeError): void => {
          if (ended) return
          ended = true
          signal.removeEventListener('abort', onAbort)
          clearTimeout(timer)
          // Not awaited: it waits for the answers of calls that will never come.
          void client.close().catch(() => undefined)
          client.connection?.ws?.close()
          if (opened) onClosed(error)
          else reject(error)
        }
        const onAbort = () => end(new ForgeError('CANCELLED', 'stopped while connecting'))
        const client = createWSClient({
          url: options.url,
          ...(options.WebSocket === undefined ? {} : { WebSocket: options.WebSocket }),
          experimental_encoder: guardedEncoder(
            (frame) => client.connection?.ws?.send(frame),
            (error) => end(error),
          ),
          lazy: { enabled: false, closeMs: 0 },
          retryDelayMs: () => 0,
          keepAlive: {
            enabled: true,
            intervalMs: AGENT_LIMITS.ping_interval_ms,
            pongTimeoutMs: AGENT_LIMITS.pong_timeout_ms,
          },
          onClose: (cause) => end(closed(cause)),
          onError: () => end(new ForgeError('UNAVAILABLE', `no connection to the hub at ${options.url}`)),
        })
        const timer = setTimeout(
          () => end(new ForgeError('UNAVAILABLE', `the hub at ${options.url} does not answer`)),
          AGENT_LIMITS.connect_timeout_ms,
        )
        const states = client.connectionState.subscribe({
          next: ({ state, error }) => {
            if (ended) return
            if (state === 'pending' && !opened) {
              opened = true
              clearTimeout(timer)
              resolve(connection)
            } else if (error) {
              end(
                new ForgeError('UNAVAILABLE', `no connection to the hub: ${error.message}`, { cause: error }),
              )
            }
          },
        })
        const rpc = createTRPCUntypedClient({ links: [wsLink({ client })] })
        const connection: HubConnection = {
          async call(kind, path, input, callSignal) {
            try {
              return await rpc[kind](path, input, { signal: callSignal })
            } catch (error) {
              throw hubError(error)
            }
          },
          subscribe(path, input, handlers) {
            const subscription = rpc.subscription(path, input, {
              onData: (value) => handlers.data(value),
              onError: (error) => handlers.ended(hubError(error)),
              onStopped: () =>
                handlers.ended(new ForgeError('UNAVAILABLE', 'the hub ended the subscription')),
            })
            return () => subscription.unsubscribe()
          },
          close() {
            opened = false
            states.unsubscribe()
            end(new ForgeError('CANCELLED', 'closed by this agent'))
          },
        }
        signal.addEventListener('abort', onAbort, { once: true })
        if (signal.aborted) onAbort()
      }),
  }
}

/**
 * tRPC decodes inside the socket's event handler, where a throw would reach nobody or end a Node process. So a frame
 * that cannot be decoded ends the connection, and tRPC is given a message that it ignores. And tRPC puts messages of
 * one turn into one frame, where the hub counts and bounds each by itself: they are sent one by one.
 */
function guardedEncoder(
  send: (frame: Uint8Array<ArrayBuffer>) => void,
  onBad: (error: ForgeError) => void,
): typeof wireEncoder {
  const ignored = { id: null, result: { type: 'stopped' } }
  return {
    encode(data) {
      const messages: unknown[] = Array.isArray(data) ? data : [data]
      for (const message of messages.slice(0, -1)) send(wireEncoder.encode(message))
      return wireEncoder.encode(messages.at(-1))
    },
    decode(data) {
      try {
        const message = wireEncoder.decode(data)
        if (
          typeof message === 'object' &&
          message !== null &&
          ('result' in message || 'error' in message || 'method' in message)
        ) {
          return message
        }
        onBad(new ForgeError('MESSAGE_INVALID', 'the hub sent something that is not an RPC message'))
      } catch (error) {
        onBad(
          error instanceof ForgeError
            ? error
            : new ForgeError('MESSAGE_INVALID', 'undecodable frame', { cause: error }),
        )
      }
      return ignored
    },
  }
}

function closed(cause: { readonly code?: number } | undefined): ForgeError {
  const code = cause?.code
  const known = code === undefined ? undefined : CLOSE_REASONS[code]
  const words =
    cause !== undefined && 'reason' in cause && typeof cause.reason === 'string' ? cause.reason : ''
  const what = known ?? `the connection to the hub closed${code === undefined ? '' : ` (${code})`}`
  return new ForgeError('UNAVAILABLE', words === '' ? what : `${what} (${words.slice(0, 200)})`)
}

/** The hub's own error where it sent one; anything else means that the connection failed. */
export function hubError(error: unknown): ForgeError {
  if (error instanceof ForgeError) return error
  if (error instanceof TRPCClientError) {
    const parsed = hubErrorData.safeParse(error.data)
    if (parsed.success) {
      const { code, message, hint, path } = parsed.data.forge
      return new ForgeError(code, message, { hint, path, cause: error })
    }
    if (error.shape)
      return new ForgeError('MESSAGE_INVALID', `the hub answered with an error of unknown form`, {
        cause: error,
      })
  }
  return new ForgeError('UNAVAILABLE', 'the connection to the hub ended before it answered', { cause: error })
}
