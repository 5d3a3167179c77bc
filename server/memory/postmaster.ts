import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { open, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { ForgeError } from '../../kernel/errors.ts'
import type { Account, PostgresFiles } from './postgres-files.ts'

/** PostgreSQL's programs as processes: starting and finding the postmaster of a cluster, running the others to their end. */

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

export interface Cluster extends PostgresFiles {
  readonly data: string
  readonly password: string
}

/** Runs one of PostgreSQL's programs to its end. @throws ForgeError UNAVAILABLE with what it said */
export async function runProgram(
  files: PostgresFiles,
  program: string,
  args: readonly string[],
): Promise<void> {
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

export interface PidFile {
  readonly pid: number
  /** Unknown while the server is just starting. */
  readonly port: number | undefined
}

/** `postmaster.pid`: pid, data folder, start time, port, … one a line. */
export async function readPidFile(data: string): Promise<PidFile | undefined> {
  const text = await readFile(path.join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  const pid = Number(lines[0])
  const port = Number(lines[3])
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  return { pid, port: Number.isInteger(port) && port > 0 ? port : undefined }
}

/**
 * May a postmaster be started, given the pid in the pid file? PostgreSQL itself removes the file of a dead process but
 * takes any living process of that number for a postmaster, and numbers come round again after a reboot or in a new
 * container.
 */
export async function mayStart(cluster: Cluster, pid: number | undefined): Promise<boolean> {
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

export interface StartedPostmaster {
  readonly pid: number | undefined
  hasEnded(): boolean
}

/** Starts the server and does not wait for it. Two processes may both do so: PostgreSQL lets one of them live. */
export async function startPostmaster(cluster: Cluster): Promise<StartedPostmaster> {
  const size = await stat(logFile(cluster))
    .then((file) => file.size)
    .catch(() => 0)
  const output = await open(logFile(cluster), size > LOG_FILE_LIMIT_BYTES ? 'w' : 'a', 0o600)
  try {
    const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child: ChildProcess = spawn(
      path.join(cluster.bin, 'postgres'),
      ['-D', cluster.data, '-p', String(await choosePort(cluster)), ...settings],
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

/**
 * The port of the last time if it is free, else any: those who hold a URL find a restarted server again. The port may
 * be taken before the server has it; then it exits and is started once more.
 */
async function choosePort(cluster: Cluster): Promise<number> {
  const options = await readFile(path.join(cluster.data, 'postmaster.opts'), 'utf8').catch(() => '')
  const last = Number(/"-p" "(\d{1,5})"/.exec(options)?.[1] ?? 0)
  return freePort(last).catch(() => freePort(0))
}

function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on('error', reject)
    probe.listen(wanted, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

export function logFile(cluster: { readonly base: string }): string {
  return path.join(cluster.base, 'server.log')
}

/** The last line of the log, without its time and process. */
export async function lastLogLine(cluster: Cluster): Promise<string> {
  const text = await readFile(logFile(cluster), 'utf8').catch(() => '')
  const line = text.trim().split('\n').at(-1) ?? ''
  return line.replace(/^\S+ \S+ UTC \[\d+\] /, '').slice(0, 300) || 'it wrote no log'
}
