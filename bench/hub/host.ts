import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { sha256Hex } from '../../kernel/digest.ts'
import { tuneCollector } from '../../server/collector.ts'
import { programRoot } from '../../server/config.ts'
import { createLog } from '../../server/core/log.ts'
import { createClientAddress } from '../../server/http/client-address.ts'
import { RATE_LIMITS, type RateRules } from '../../server/http/rate-limits.ts'
import { createHttpServer } from '../../server/http/server.ts'
import { CheckingThread } from '../../server/hub/checking/checker.ts'
import { WorkerReferee } from '../../server/hub/referee/referee.ts'
import { type Database, openDatabase } from '../../server/memory/database.ts'
import { createTokenStore } from '../../server/memory/token-store.ts'
import { startPool } from '../../server/pool.ts'
import { answerParent } from './child.ts'
import { type HostOptions, type HostReady, hostOptions, type Usage } from './messages.ts'
import { BENCH_OPS } from './tiny-op.ts'

/**
 * The server that is measured: database, hub, HTTP server and live rooms as `server/main.ts` starts them, without
 * pages and house agent, with the benchmark's op beside the network's and without limits by address.
 */

const CONNECTIONS = 20_000
/** A job of ten million shards is paid for. */
const TEST_GRANT = 10_000_000_000

const COMPLAINTS = 5

const loop = monitorEventLoopDelay({ resolution: 5 })
loop.enable()
let statements = 0
let complaints = 0

tuneCollector()
countStatements()
answerParent({
  start: (input) => start(hostOptions.parse(input)),
  usage,
})
// What it has stored is thrown away with its database.
process.on('SIGTERM', () => process.exit(0))

async function start(options: HostOptions): Promise<HostReady> {
  await mkdir(options.folder, { recursive: true })
  const root = programRoot()
  const log = createLog('warn', complain)
  const database = await openDatabase(
    { databaseUrl: options.database_url, dataDir: options.folder, root },
    { log: () => {} },
  )
  const http = createHttpServer(CONNECTIONS)
  await new Promise<void>((resolve, reject) => {
    http.server.once('error', reject)
    http.server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, resolve)
  })
  const { port } = http.server.address() as AddressInfo
  const pool = await startPool({
    database,
    dataDir: options.folder,
    referee: new WorkerReferee(pathToFileURL(options.referee_entry), options.referee_cpu_share),
    checker: new CheckingThread(pathToFileURL(options.checking_entry), complain),
    houseAgent: false,
    witnesses: [],
    split: { contributor_permille: 800, site_permille: 100 },
    testGrant: TEST_GRANT,
    ops: BENCH_OPS,
    leaseShards: options.lease_shards,
    socketsPerHost: options.sockets_per_host,
    rateRules: withoutLimits(),
    origin: `http://127.0.0.1:${port}`,
    mailer: { post: () => {}, close: async () => {} },
    clientAddress: createClientAddress({
      trustedProxies: [],
      pagesToken: randomBytes(32).toString('base64url'),
    }),
    secret: randomBytes(32).toString('base64url'),
    embedFolder: path.join(options.folder, 'no-embed'),
    http,
    site: undefined,
    dev: false,
    log,
    fatal: (error) => {
      process.stderr.write(`${error.message}\n`)
      process.exit(1)
    },
  })
  const [submitter, ...owners] = await Promise.all(
    Array.from({ length: options.owners + 1 }, (_, number) => account(database, `bench ${number}`)),
  )
  const api_key = await token(database, submitter ?? '', 'api_key')
  const tokens = await Promise.all(owners.map((owner) => token(database, owner, 'node_token')))
  return { port, epoch: pool.epoch, api_key, tokens }
}

/** The first few say what is wrong; a run that breaks says it a thousand times. */
function complain(what: unknown): void {
  if (complaints++ < COMPLAINTS) process.stderr.write(`${String(what).slice(0, 3000)}\n`)
}

/** An account that nobody signs in to. */
async function account({ prisma }: Database, label: string): Promise<string> {
  return (await prisma.owners.create({ data: { kind: 'account', label } })).id
}

async function token(database: Database, owner_id: string, kind: 'api_key' | 'node_token'): Promise<string> {
  const secret = `${kind === 'api_key' ? 'fpak_' : 'fpnt_'}${randomBytes(32).toString('base64url')}`
  const prefix = secret.slice(0, 9)
  await createTokenStore(database).add({ hash: sha256Hex(secret), owner_id, kind, name: 'bench', prefix })
  return secret
}

/** One machine plays a thousand agents and watchers: what is limited by address is not what is measured. */
function withoutLimits(): RateRules {
  const entries = Object.keys(RATE_LIMITS).map((name) => [name, { points: 1_000_000_000, seconds: 60 }])
  return Object.fromEntries(entries) as RateRules
}

/** Every statement of the process goes through this method of node-postgres, whoever sends it. */
function countStatements(): void {
  const { prototype } = pg.Client
  const { query } = prototype
  Object.assign(prototype, {
    query(this: pg.Client, ...args: unknown[]) {
      statements++
      return Reflect.apply(query, this, args)
    },
  })
}

function usage(): Usage {
  // Where the benchmark has asked Node for it: what is garbage is not memory of an agent.
  globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  const loop_ms = loop.max / 1e6
  loop.reset()
  const { rss, heapUsed } = process.memoryUsage()
  return { cpu_us: user + system, rss_bytes: rss, heap_bytes: heapUsed, statements, loop_ms }
}
