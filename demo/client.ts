import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'

const FETCH_ATTEMPTS = 40
const RETRY_MS = 250

/** The site over HTTP, as one visitor, account or program: told apart by the headers sent along. */
export class Client {
  readonly url: string
  readonly #headers: Readonly<Record<string, string>>

  /** @param url origin of the site */
  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.url = url
    this.#headers = headers
  }

  /** The same site as somebody else. */
  as(headers: Readonly<Record<string, string>>): Client {
    return new Client(this.url, headers)
  }

  /** @throws Error with the server's words for any status but success */
  async json(route: string, init?: RequestInit): Promise<unknown> {
    const response = await this.fetch(route, init)
    const body: unknown = await response.json()
    if (!response.ok)
      throw new Error(`${route}: HTTP ${response.status} ${JSON.stringify(body).slice(0, 400)}`)
    return body
  }

  post(route: string, body: object): Promise<unknown> {
    return this.json(route, postOf(body))
  }

  /** A tRPC mutation. */
  async mutate<T>(path: string, input: object, output: z.ZodType<T>): Promise<T> {
    return dataOf(await this.post(`/api/trpc/${path}`, input), output)
  }

  /** A tRPC query. */
  async query<T>(path: string, input: object | undefined, output: z.ZodType<T>): Promise<T> {
    const search = input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify(input))}`
    return dataOf(await this.json(`/api/trpc/${path}${search}`), output)
  }

  /**
   * A kept-alive connection may have been closed while this process was busy with a check, and the site may be
   * starting again: a request that got no answer at all is repeated. Each of them is idempotent or carries its key.
   */
  async fetch(route: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    for (const [name, value] of Object.entries(this.#headers)) headers.set(name, value)
    for (let attempt = 1; ; attempt++) {
      try {
        return await fetch(`${this.url}${route}`, { ...init, headers })
      } catch (error) {
        if (attempt === FETCH_ATTEMPTS)
          throw new Error(`${route}: the site does not answer`, { cause: error })
        await delay(RETRY_MS)
      }
    }
  }
}

export function postOf(body: object): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function dataOf<T>(answer: unknown, output: z.ZodType<T>): T {
  return output.parse(z.object({ result: z.object({ data: z.unknown() }) }).parse(answer).result.data)
}
