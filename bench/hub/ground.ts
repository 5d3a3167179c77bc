import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build } from 'esbuild'
import pg from 'pg'
import { z } from 'zod'
import { type EmbeddedServer, openEmbedded } from '../../server/memory/embedded.ts'
import { Child } from './child.ts'
import { type HostReady, hostReady, type Usage, usage } from './messages.ts'

/** What the rows of the suite stand on: bundles as the build makes them, one PostgreSQL with fsync, and servers on it. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DIST = path.join(ROOT, 'dist', 'bench')
/** Clock ticks a second of /proc, the same on every Linux that Node runs on. */
const TICKS_PER_S = 100
const OWNERS = 16
const NO_LIMIT = 20_000
/** For whoever looks for where the time goes: `FORGE_BENCH_FLAGS='--cpu-prof --cpu-prof-dir=/tmp/profiles'`. */
const PROFILING = process.env.FORGE_BENCH_FLAGS?.split(' ') ?? []

export interface HostSetup {
  readonly lease_shards: number
  /** Share of one core that the referee may use. */
  readonly referee_cpu_share?: number
  /** A server to share the database and its files with. */
  readonly beside?: Host
  /** Undefined: no limit that anybody meets. */
  readonly sockets_per_host?: number
  /** Flags of Node for the server. */
  readonly flags?: readonly string[]
}

/** A server, and what it has used. */
export interface Host extends HostReady {
  readonly child: Child
  readonly database_url: string
  readonly folder: string
  readonly database: pg.Client
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  usage(): Promise<Usage>
  /** @returns the job's id */
  submit(contract: unknown): Promise<string>
  /** Shards that are accepted and on disk. */
  durable(): Promise<number>
  /** Microseconds of CPU that PostgreSQL has used; undefined where that cannot be told. */
  databaseCpu(): Promise<number | undefined>
  end(): Promise<void>
}

export class Ground {
  readonly #folder = path.join(ROOT, '.forge', `bench-${randomBytes(4).toString('hex')}`)
  readonly #say: (line: string) => void
  readonly #hosts = new Set<Host>()
  readonly #children = new Set<Child>()
  #server: EmbeddedServer | undefined
  #bundles: Promise<void> | undefined

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  /** A process of the suite by the name of its file. */
  async child(name: string, flags: readonly string[] = []): Promise<Child> {
    this.#bundles ??= bundle()
    await this.#bundles
    const child = new Child(path.join(DIST, `${name}.mjs`), flags)
    this.#children.add(child)
    return child
  }

  /** @returns the URL of a new, empty database */
  async database(): Promise<string> {
    if (this.#server === undefined) {
      await mkdir(this.#folder, { recursive: true })
      this.#server = await openEmbedded({ folder: path.join(this.#folder, 'pg'), log: this.#say })
    }
    const name = `bench_${randomBytes(4).toString('hex')}`
    const admin = new pg.Client({ connectionString: this.#server.url('postgres') })
    await admin.connect()
    await admin.query(`CREATE DATABASE ${name}`)
    await admin.end()
    return this.#server.url(name)
  }

  async host(setup: HostSetup): Promise<Host> {
    const database_url = setup.beside?.database_url ?? (await this.database())
    const folder = setup.beside?.folder ?? path.join(this.#folder, randomBytes(4).toString('hex'))
    const child = await this.child('host', [...(setup.flags ?? []), ...PROFILING])
    const options = {
      database_url,
      folder,
      lease_shards: setup.lease_shards,
      referee_entry: path.join(DIST, 'referee-thread.mjs'),
      referee_cpu_share: setup.referee_cpu_share ?? 0.5,
      checking_entry: path.join(DIST, 'checking-worker.mjs'),
      owners: OWNERS,
      sockets_per_host: setup.sockets_per_host ?? NO_LIMIT,
    }
    const ready = await child.ask('start', options, hostReady)
    const database = new pg.Client({ connectionString: database_url })
    await database.connect()
    const host = runningHost(child, database, { ...ready, database_url, folder }, () =>
      this.#hosts.delete(host),
    )
    this.#hosts.add(host)
    return host
  }

  /** Ends everything and removes what it wrote. */
  async close(): Promise<void> {
    for (const child of this.#children) await child.end()
    for (const host of this.#hosts) await host.database.end().catch(() => {})
    await this.#server?.close()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** In the form of scripts/build.mjs. */
async function bundle(): Promise<void> {
  const entries = (...names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, `bench/hub/${name}.ts`]))
  const options: BuildOptions = {
    absWorkingDir: ROOT,
    outdir: DIST,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    loader: { '.wgsl': 'text' },
    sourcemap: true,
    logLevel: 'warning',
  }
  await build({
    ...options,
    entryPoints: {
      ...entries('agents', 'referee-thread', 'watchers', 'abusers', 'queue-peer'),
      'checking-worker': 'server/hub/checking/worker.ts',
    },
  })
  await build({ ...options, entryPoints: entries('host'), splitting: true, chunkNames: 'host-part-[hash]' })
}

const accepted = z.object({ id: z.string() })

function runningHost(
  child: Child,
  database: pg.Client,
  ready: HostReady & Pick<Host, 'database_url' | 'folder'>,
  ended: () => void,
): Host {
  const url = `http://127.0.0.1:${ready.port}`
  return {
    ...ready,
    child,
    database,
    url,
    usage: () => child.ask('usage', null, usage),
    async submit(contract) {
      const response = await fetch(`${url}/api/v0/ops/execute`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ready.api_key}`, 'content-type': 'application/json' },
        body: JSON.stringify(contract),
      })
      const body = await response.text()
      if (!response.ok) throw new Error(`the job was refused: ${body.slice(0, 500)}`)
      return accepted.parse(JSON.parse(body)).id
    },
    async durable() {
      const { rows } = await database.query<{ shards: string }>(
        'SELECT coalesce(sum(shard_count), 0) AS shards FROM result_groups',
      )
      return Number(rows[0]?.shards ?? 0)
    },
    async databaseCpu() {
      const { rows } = await database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
      return cpuOfSiblings(rows[0]?.pid ?? 0)
    },
    async end() {
      ended()
      await database.end()
      await child.end()
    },
  }
}

interface ProcessTimes {
  readonly parent: number
  readonly cpu_us: number
}

/** CPU of a process's parent and all its children, those that have ended included. */
async function cpuOfSiblings(pid: number): Promise<number | undefined> {
  const parent = (await timesOf(pid))?.parent
  if (parent === undefined) return undefined
  let sum = (await timesOf(parent))?.cpu_us ?? 0
  for (const entry of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue
    const times = await timesOf(Number(entry))
    if (times?.parent === parent) sum += times.cpu_us
  }
  return sum
}

/** Of proc_pid_stat(5); undefined where there is no such process, or no /proc. */
async function timesOf(pid: number): Promise<ProcessTimes | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // The name in parentheses may hold anything; what follows it does not.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ')
  if (fields === undefined) return undefined
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at] ?? 0), 0)
  return { parent: Number(fields[1]), cpu_us: (ticks / TICKS_PER_S) * 1e6 }
}

/** Asks until there is an answer. @throws Error after `limit_ms` */
export async function until<T>(
  what: string,
  limit_ms: number,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  for (const end = performance.now() + limit_ms; performance.now() < end; await delay(20)) {
    const answer = await ask()
    if (answer !== undefined) return answer
  }
  throw new Error(`${what}: nothing within ${limit_ms / 1000} s`)
}
