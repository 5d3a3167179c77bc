import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import path from 'node:path'
import readline from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { bytesToHex, sha256 } from '../kernel/digest.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const START_TIMEOUT_MS = 120_000
const FETCH_ATTEMPTS = 40
const RETRY_MS = 250
/** A server that dies so often does so for a reason that starting it again does not mend. */
const MAX_RESTARTS = 5

/** The site as a child process. If it dies, it is started again: accepted work is in its database. */
export class Site {
  readonly url: string
  readonly #port: number
  readonly #say: (line: string) => void
  #child: ChildProcess | undefined
  #stopping = false
  #restarts = 0

  constructor(port: number, say: (line: string) => void) {
    this.#port = port
    this.url = `http://localhost:${port}`
    this.#say = say
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** @throws Error with the server's own last line when it does not come up */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [path.join(ROOT, 'dist/server.mjs')], {
      cwd: ROOT,
      env: {
        ...process.env,
        NODE_ENV: 'production',
        PORT: String(this.#port),
        FORGE_HOUSE_AGENT: 'off',
        FORGE_LOG: process.env.FORGE_LOG ?? 'warn',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    let last = ''
    const ready = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            new Error(`the site did not start within ${START_TIMEOUT_MS / 1000} s; its last line: ${last}`),
          ),
        START_TIMEOUT_MS,
      )
      const hear = (line: string) => {
        last = line
        if (line.startsWith('ready ')) resolve()
        else this.#say(`  site: ${line}`)
      }
      readline.createInterface({ input: child.stdout }).on('line', hear)
      readline.createInterface({ input: child.stderr }).on('line', hear)
      child.once('exit', (code) => reject(new Error(`the site stopped with code ${code}: ${last}`)))
      void Promise.allSettled([once(child, 'exit')]).then(() => clearTimeout(timer))
    })
    await ready
    child.removeAllListeners('exit')
    child.once('exit', () => this.#died())
  }

  async stop(): Promise<void> {
    this.#stopping = true
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }

  #died(): void {
    if (this.#stopping) return
    this.#restarts++
    if (this.#restarts > MAX_RESTARTS) throw new Error(`the site died ${this.#restarts} times`)
    this.#say('  the site died; starting it again: accepted shards are in its database')
    this.start().catch((error: unknown) => {
      this.#say(`  ${String(error)}`)
      process.exitCode = 1
    })
  }
}

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
})
export type DemoJob = z.infer<typeof jobSchema>

/** The public API, as any program would call it. */
export class Api {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async submit(contract: object): Promise<string> {
    const answer = await this.#json('/api/v0/ops/execute', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
      body: JSON.stringify(contract),
    })
    return z.object({ id: z.string() }).parse(answer).id
  }

  async job(id: string): Promise<DemoJob> {
    return jobSchema.parse(await this.#json(`/api/v0/jobs/${id}`))
  }

  async upload(bytes: Uint8Array): Promise<void> {
    const headers = { 'content-type': 'application/octet-stream' }
    await this.#json(`/api/v0/blobs/${bytesToHex(sha256(bytes))}`, {
      method: 'PUT',
      headers,
      body: new Uint8Array(bytes),
    })
  }

  async download(digest: string): Promise<Uint8Array> {
    const response = await this.#fetch(`/api/v0/blobs/${digest}`)
    if (!response.ok) throw new Error(`blob ${digest}: HTTP ${response.status}`)
    return new Uint8Array(await response.arrayBuffer())
  }

  /** A token that lets an agent contribute as an owner of this name. */
  async ownerToken(label: string): Promise<string> {
    const answer = await this.#json('/api/trpc/agents.createOwnerToken', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ label }),
    })
    return z.object({ result: z.object({ data: z.object({ token: z.string() }) }) }).parse(answer).result.data
      .token
  }

  async agents(): Promise<number> {
    const answer = await this.#json('/api/trpc/network.stats')
    return z.object({ result: z.object({ data: z.object({ agents: z.int() }) }) }).parse(answer).result.data
      .agents
  }

  async #json(route: string, init?: RequestInit): Promise<unknown> {
    const response = await this.#fetch(route, init)
    const body: unknown = await response.json()
    if (!response.ok)
      throw new Error(`${route}: HTTP ${response.status} ${JSON.stringify(body).slice(0, 400)}`)
    return body
  }

  /**
   * A kept-alive connection may have been closed while this process was busy with a check, and the site may be
   * starting again: a request that got no answer at all is repeated. Each of them is idempotent or carries its key.
   */
  async #fetch(route: string, init?: RequestInit): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await fetch(`${this.#url}${route}`, init)
      } catch (error) {
        if (attempt === FETCH_ATTEMPTS)
          throw new Error(`${route}: the site does not answer`, { cause: error })
        await delay(RETRY_MS)
      }
    }
  }
}
