import { isUtf8 } from 'node:buffer'
import { setTimeout as delay } from 'node:timers/promises'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { CLI_LIMITS } from '../limits.ts'

/** What a hub shows everybody. Nothing of it is believed before it is checked. */
export class HubReader {
  readonly origin: string
  readonly #signal: AbortSignal

  constructor(origin: string, signal: AbortSignal) {
    this.origin = origin
    this.#signal = signal
  }

  /** Strict JSON. @throws ForgeError as `bytes` does, and for what is no JSON */
  async json(path: string): Promise<unknown> {
    return parseJsonStrict(await this.text(path, CLI_LIMITS.answer_bytes), CLI_LIMITS.answer_bytes)
  }

  /** @throws ForgeError as `bytes` does; MESSAGE_INVALID for what is not UTF-8 */
  async text(path: string, limit_bytes: number): Promise<string> {
    const bytes = await this.bytes(path, limit_bytes)
    if (!isUtf8(bytes)) throw new ForgeError('MESSAGE_INVALID', `${path} is not UTF-8`)
    return Buffer.from(bytes).toString('utf8')
  }

  /**
   * Asks again when the hub is busy, limits the rate, or is not there for a moment.
   * @throws ForgeError NOT_FOUND for 404; TOO_LARGE; CANCELLED; UNAVAILABLE for every other failure that lasts
   */
  async bytes(path: string, limit_bytes: number): Promise<Uint8Array> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#once(path, limit_bytes)
      if (answer instanceof Uint8Array) return answer
      if (attempt === CLI_LIMITS.hub_attempts)
        throw new ForgeError('UNAVAILABLE', `${this.origin}${path}: ${answer.why}`)
      const wait = answer.wait_ms ?? Math.min(30_000, 250 * 2 ** attempt)
      await delay(wait, undefined, { signal: this.#signal }).catch(() => {
        throw new ForgeError('CANCELLED', 'stopped')
      })
    }
  }

  async #once(
    path: string,
    limit_bytes: number,
  ): Promise<Uint8Array | { readonly why: string; readonly wait_ms?: number }> {
    try {
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(CLI_LIMITS.hub_request_ms)])
      const response = await fetch(`${this.origin}${path}`, { signal, redirect: 'error' })
      if (response.status === 404)
        throw new ForgeError('NOT_FOUND', `${this.origin}${path}: there is no such thing`)
      if (response.status === 409 || response.status === 429 || response.status >= 500) {
        const after = Number(response.headers.get('retry-after'))
        await response.body?.cancel()
        return {
          why: `HTTP ${response.status}`,
          ...(after > 0 ? { wait_ms: Math.min(60_000, 1000 * after) } : {}),
        }
      }
      if (!response.ok) throw new ForgeError('UNAVAILABLE', `${this.origin}${path}: HTTP ${response.status}`)
      return await bounded(response, path, limit_bytes)
    } catch (error) {
      if (this.#signal.aborted) throw new ForgeError('CANCELLED', 'stopped')
      if (error instanceof ForgeError) throw error
      const { cause } = error as { cause?: unknown }
      return { why: cause instanceof Error ? cause.message : String(error) }
    }
  }
}

async function bounded(response: Response, path: string, limit_bytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > limit_bytes) throw new ForgeError('TOO_LARGE', `${path} has more than ${limit_bytes} bytes`)
    parts.push(part)
  }
  return new Uint8Array(Buffer.concat(parts))
}
