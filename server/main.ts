import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ForgeError } from '../kernel/errors.ts'
import { createMailer } from './accounts/mail.ts'
import { tuneCollector } from './collector.ts'
import { type Config, readConfig } from './config.ts'
import { createLog, type Log } from './core/log.ts'
import { type HouseAgent, houseTokenFile, startHouseAgent } from './house-agent.ts'
import { createClientAddress } from './http/client-address.ts'
import { rulesFor } from './http/rate-limits.ts'
import { createHttpServer, type HttpServer } from './http/server.ts'
import { CheckingThread } from './hub/checking/checker.ts'
import { WorkerReferee } from './hub/referee/referee.ts'
import { type Database, openDatabase } from './memory/database.ts'
import { type Pool, startPool } from './pool.ts'
import { serverSecret } from './secret.ts'
import { type OpenSite, openSite } from './site.ts'

/**
 * The server process: `node dist/server.mjs [--dev]`. Settings come from the environment (server/config.ts).
 * Standard output gets one line, `ready http://localhost:3000`; the log goes to standard error.
 */

const SHUTDOWN_LIMIT_MS = 15_000

interface Running {
  houseAgent?: HouseAgent
  pool?: Pool
  http?: HttpServer
  site?: OpenSite
  database?: Database
}

const running: Running = {}
let ending = false
let impatient = new AbortController()

tuneCollector()
try {
  const config = readConfig()
  const log = createLog(config.logLevel)
  const stop = () => void end(0, log, config.drain_ms)
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('uncaughtException', (error) => {
    log.error('server.crashed', { error })
    void end(1, log)
  })
  await start(config, process.argv.includes('--dev'), log)
} catch (error) {
  say(error)
  await release()
  process.exit(1)
}

async function start(config: Config, dev: boolean, log: Log): Promise<void> {
  // The port comes first: a second server started by mistake must fail before it joins the first one's work.
  const http = createHttpServer(config.connections)
  const port = await listen(http, config)
  running.http = http
  // Server components call the API over loopback.
  process.env.PORT = String(port)

  const origin = config.origin ?? `http://localhost:${port}`
  const fatal = (error: ForgeError) => {
    say(error)
    void end(1, log)
  }
  running.database = await openDatabase(config, { log: (line) => log.info(line), lost: fatal })
  // Known to this process alone: by it the pages' calls over loopback are told from a stranger's.
  const pagesToken = randomBytes(32).toString('base64url')
  process.env.FORGE_PAGES_TOKEN = pagesToken
  running.site = await openSite({ root: config.root, dev, host: config.host, port })
  running.pool = await startPool({
    database: running.database,
    natsUrl: config.natsUrl,
    dataDir: config.dataDir,
    referee: new WorkerReferee(new URL('./referee-worker.mjs', import.meta.url), config.refereeCpuShare),
    checker: new CheckingThread(new URL('./checking-worker.mjs', import.meta.url), (error) =>
      log.error('hub.checking_thread_lost', { error }),
    ),
    houseAgent: config.houseAgent,
    witnesses: config.witnesses,
    split: config.split,
    testGrant: config.testGrant,
    origin,
    mailer: createMailer({
      smtpUrl: config.smtpUrl,
      from: config.mailFrom ?? `Forge Pool <no-reply@${new URL(origin).hostname}>`,
      log,
    }),
    socketsPerHost: config.socketsPerHost,
    leaseShards: config.leaseShards,
    hubAddress: config.hubAddress,
    rateRules: rulesFor(config.socketsPerHost),
    clientAddress: createClientAddress({ trustedProxies: config.trustedProxies, pagesToken }),
    secret: config.secret ?? (await serverSecret(config.dataDir)),
    embedFolder: path.join(config.root, 'public', 'embed'),
    http,
    metricsToken: config.metricsToken,
    ...(config.traces === undefined ? {} : { traces: await tracesTo(config.traces) }),
    site: running.site,
    dev,
    log,
    fatal,
  })
  if (config.houseAgent) {
    const tokenFile = await houseTokenFile(config.dataDir, running.pool)
    running.houseAgent = startHouseAgent(
      [
        fileURLToPath(new URL('./agent.mjs', import.meta.url)),
        '--hub',
        `http://${loopback(config.host)}:${port}`,
        '--token-file',
        tokenFile,
        '--key-file',
        path.join(config.dataDir, 'house-agent.key'),
        // Its hub is this very process.
        '--trust-hub',
        '--name',
        'house',
        // The server and its database share this machine.
        '--threads',
        '1',
      ],
      log,
    )
  }
  process.stdout.write(`ready http://${hostInUrl(config.host)}:${port}\n`)
}

/** The exporter is large, and loaded only where traces are wanted. */
async function tracesTo({ endpoint, service }: NonNullable<Config['traces']>) {
  const [{ OTLPTraceExporter }, { JobTraces }] = await Promise.all([
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('./observe/traces.ts'),
  ])
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` })
  return (jobOf: (lease_id: string) => string | undefined) => new JobTraces({ exporter, service, jobOf })
}

/** @returns the port. @throws ForgeError UNAVAILABLE with what to do */
function listen({ server }: HttpServer, { host, port }: Config): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const [what, hint] =
        cause.code === 'EADDRINUSE'
          ? [
              `port ${port} is in use`,
              `Stop the program that uses it, or choose another: PORT=${port + 1} npm start`,
            ]
          : cause.code === 'EACCES'
            ? [`port ${port} may not be used by this user`, 'Choose a port above 1023: PORT=3000 npm start']
            : [`cannot listen on ${host}:${port} (${cause.code})`, 'Set HOST to an address of this machine.']
      reject(new ForgeError('UNAVAILABLE', what, { hint, cause }))
    })
    server.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port }, () => {
      const address = server.address()
      resolve(address === null || typeof address === 'string' ? port : address.port)
    })
  })
}

/** How a person on this machine reaches the server. */
function hostInUrl(host: string): string {
  if (['127.0.0.1', '0.0.0.0', '::1', '::', 'localhost'].includes(host)) return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

/** How a process on this machine reaches the server without asking a resolver. */
function loopback(host: string): string {
  const name = hostInUrl(host)
  return name !== 'localhost' ? name : host === '::1' ? '[::1]' : '127.0.0.1'
}

/** One line for the operator: what is wrong and what to do. */
function say(error: unknown): void {
  const known = error instanceof ForgeError
  const text = known ? [error.message, error.hint].filter(Boolean).join('. ') : String(error)
  process.stderr.write(`forge-pool: ${text.replaceAll('\n', ' ')}\n`)
  if (!known && error instanceof Error) process.stderr.write(`${error.stack}\n`)
}

async function release(): Promise<void> {
  await running.houseAgent?.stop()
  await (running.pool?.close() ?? running.http?.close())
  await running.site?.close()
  await running.database?.close()
}

/** @param drain_ms how long agents may take to return what they have; a second call ends that */
async function end(code: number, log: Log, drain_ms = 0): Promise<void> {
  impatient.abort()
  if (ending) return
  ending = true
  impatient = new AbortController()
  log.info('server.stopping', { drain_ms })
  // Leaving late is worse than leaving rudely: what was accepted is already on disk.
  setTimeout(() => process.exit(1), drain_ms + SHUTDOWN_LIMIT_MS).unref()
  try {
    if (drain_ms > 0) await running.pool?.drain(drain_ms, impatient.signal)
    await release()
  } catch (error) {
    log.error('server.stop_failed', { error })
    process.exit(1)
  }
  process.exit(code)
}
