import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { ContractInput } from '../../kernel/contract.ts'

/** Somebody who has signed up and in over the public API, as the pages do it. */
export class Account {
  readonly #url: string
  readonly #cookie: string

  private constructor(url: string, cookie: string) {
    this.#url = url
    this.#cookie = cookie
  }

  static async signUp(url: string, name: string): Promise<Account> {
    const [email, password] = [`${randomUUID()}@people.example`, 'correct horse battery']
    await post(`${url}/api/auth/sign-up/email`, { name, email, password })
    const answer = await post(`${url}/api/auth/sign-in/email`, { email, password })
    const cookie = answer.headers
      .getSetCookie()
      .map((line) => line.split(';', 1)[0])
      .join('; ')
    return new Account(url, cookie)
  }

  /** @returns the job's id */
  async submit(contract: ContractInput): Promise<string> {
    const answer = await post(`${this.#url}/api/v0/ops/execute?replay=never`, contract, this.#cookie)
    return z.object({ id: z.string() }).parse(await answer.json()).id
  }

  /** Calls a procedure by POST. */
  async call<T extends z.ZodType>(procedure: string, input: unknown, data: T): Promise<z.infer<T>> {
    const answer = await post(`${this.#url}/api/trpc/${procedure}`, input, this.#cookie)
    const { result } = z.object({ result: z.object({ data: z.unknown() }) }).parse(await answer.json())
    return data.parse(result.data)
  }
}

async function post(url: string, body: unknown, cookie?: string): Promise<Response> {
  const answer = await fetch(url, {
    method: 'POST',
    // No kept-alive connection: the server of the one before may have been killed since.
    headers: {
      'content-type': 'application/json',
      connection: 'close',
      ...(cookie === undefined ? {} : { cookie }),
    },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${url}: HTTP ${answer.status} ${await answer.text()}`)
  return answer
}
