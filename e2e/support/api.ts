import { z } from 'zod'
import type { ContractInput } from '../../kernel/contract.ts'
import { sha256Hex } from '../../kernel/digest.ts'

const jobSchema = z.object({
  id: z.string(),
  state: z.string(),
  shard_count: z.int(),
  progress: z.object({ accepted: z.int(), in_flight: z.int(), owners: z.int() }),
  result: z.record(z.string(), z.unknown()).nullable(),
  result_digest: z.string().nullable(),
})
type Job = z.infer<typeof jobSchema>

const answer = <T extends z.ZodType>(data: T) => z.object({ result: z.object({ data }) })

/** The public API, as any program calls it: for preparing what a test looks at, and for a second opinion. */
export class Api {
  readonly #url: string
  readonly #cookie: string | undefined

  /** @param cookie of somebody's session; without it the caller is a visitor */
  constructor(url: string, cookie?: string) {
    this.#url = url
    this.#cookie = cookie
  }

  /** Submits it to be executed, whatever is recorded. @returns the job's id */
  async submit(contract: ContractInput): Promise<string> {
    return z.object({ id: z.string() }).parse(await this.#post('/api/v0/ops/execute?replay=never', contract))
      .id
  }

  async job(id: string): Promise<Job> {
    return jobSchema.parse(await this.#json(`/api/v0/jobs/${id}`))
  }

  /** @returns the digest under which the bytes are stored */
  async upload(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    const digest = sha256Hex(bytes)
    await this.#json(`/api/v0/blobs/${digest}`, { method: 'PUT', body: bytes })
    return digest
  }

  async cancel(id: string): Promise<void> {
    await this.#post('/api/trpc/jobs.cancel', { id })
  }

  async jobCount(): Promise<number> {
    const jobs = answer(z.object({ items: z.array(z.unknown()) }))
    return jobs.parse(await this.#json('/api/trpc/jobs.list?input=%7B%7D')).result.data.items.length
  }

  async publish(id: string): Promise<void> {
    await this.#post('/api/trpc/jobs.publish', { id, visibility: 'public' })
  }

  /** A token that lets a headless agent, or a tab, contribute for this account. */
  async nodeToken(name: string): Promise<string> {
    const created = answer(z.object({ token: z.string() }))
    return created.parse(await this.#post('/api/trpc/nodeTokens.create', { name })).result.data.token
  }

  /** @returns the id of a partner's site */
  async createSite(name: string, origins: readonly string[]): Promise<string> {
    const created = answer(z.object({ id: z.string() }))
    const input = { name, allowed_origins: origins }
    return created.parse(await this.#post('/api/trpc/sites.create', input)).result.data.id
  }

  /** Owners of the connected agents, as far as they are shown to this client. */
  async agentOwners(): Promise<(string | null)[]> {
    const list = answer(z.object({ items: z.array(z.object({ owner: z.string().nullable() })) }))
    return list.parse(await this.#json('/api/trpc/agents.list')).result.data.items.map(({ owner }) => owner)
  }

  #post(route: string, body: unknown): Promise<unknown> {
    return this.#json(route, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  }

  async #json(route: string, init?: RequestInit): Promise<unknown> {
    // No kept-alive connection: the server of the one before may have been killed since.
    const headers = {
      ...init?.headers,
      connection: 'close',
      ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }),
    }
    const response = await fetch(`${this.#url}${route}`, { ...init, headers })
    const body: unknown = await response.json()
    if (!response.ok) throw new Error(`${route}: HTTP ${response.status} ${JSON.stringify(body)}`)
    return body
  }
}
