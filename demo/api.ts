import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { bytesToHex, sha256 } from '../kernel/digest.ts'
import { type Client, postOf } from './client.ts'

const jobSchema = z.object({
  id: z.string(),
  op: z.string(),
  state: z.string(),
  replay_key: z.string(),
  shard_count: z.int(),
  progress: z.object({
    accepted: z.int(),
    copies: z.int(),
    owners: z.int(),
    by_executor: z.object({ webgpu: z.int(), wasm: z.int(), cpu: z.int() }),
  }),
  result: z.record(z.string(), z.unknown()).nullable(),
  result_digest: z.string().nullable(),
  artifacts: z.array(z.object({ name: z.string(), digest: z.string() })),
  failure: z.object({ code: z.string(), message: z.string() }).nullable(),
  /** For the owner. */
  cost: z
    .object({
      held: z.int(),
      charged: z.int().nullable(),
      released: z.int().nullable(),
      items: z.array(z.object({ credits: z.int() })),
    })
    .nullable(),
})
export type DemoJob = z.infer<typeof jobSchema>

/** The public API as the submitter's program calls it, with his API key. */
export class Api {
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  /** The most that the contract can cost, in credits. */
  async price(contract: object): Promise<number> {
    const quote = z.object({ price: z.object({ credits: z.int() }) })
    return (await this.#client.query('jobs.quote', { contract }, quote)).price.credits
  }

  /** Executed, also when an earlier run of the demo has left a record of it. The job is public, so that its page opens for whoever follows the printed link. @returns its id */
  async submit(contract: object): Promise<string> {
    const post = postOf(contract)
    const headers = { ...post.headers, 'idempotency-key': randomUUID() }
    const answer = await this.#client.json('/api/v0/ops/execute?replay=never', { ...post, headers })
    const { id } = z.object({ id: z.string() }).parse(answer)
    await this.#client.mutate('jobs.publish', { id, visibility: 'public' }, z.unknown())
    return id
  }

  async job(id: string): Promise<DemoJob> {
    return jobSchema.parse(await this.#client.json(`/api/v0/jobs/${id}`))
  }

  async upload(bytes: Uint8Array): Promise<void> {
    const headers = { 'content-type': 'application/octet-stream' }
    await this.#client.json(`/api/v0/blobs/${bytesToHex(sha256(bytes))}`, {
      method: 'PUT',
      headers,
      body: new Uint8Array(bytes),
    })
  }

  async download(digest: string): Promise<Uint8Array> {
    const response = await this.#client.fetch(`/api/v0/blobs/${digest}`)
    if (!response.ok) throw new Error(`blob ${digest}: HTTP ${response.status}`)
    return new Uint8Array(await response.arrayBuffer())
  }
}
