import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Api } from './api.ts'
import { type Person, signUp } from './people.ts'

/** The built program as its operator runs it: a child process with a data folder and a port of its own. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SERVER = path.join(ROOT, 'dist/server.mjs')
const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 20_000
const DATABASE_POLL_MS = 50
const ENDLESS_GRANT = 1_000_000_000

export interface SiteOptions {
  readonly houseAgent: boolean
  /** Credits of a new account; by default more than a job costs that never ends. */
  readonly testGrant?: number
}

/** How a server process ended that was expected to end by itself. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What is still running when this process ends for whatever reason must not outlive it. */
const running = new Set<Site>()
process.once('exit', () => {
  for (const site of running) site.killAtOnce()
})

function environment(own: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  // An empty variable means its default, whatever this process's own environment says.
  return { ...process.env, NODE_ENV: 'production', HOST: '', DATABASE_URL: '', FORGE_LOG: 'warn', ...own }
}

/** Runs a server that is expected to end by itself. */
export function runServer(own: Readonly<Record<string, string>>): Promise<Ended> {
  const child = spawn(process.execPath, [SERVER], {
    cwd: ROOT,
    env: environment(own),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: START_LIMIT_MS,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text) => {
    stdout += text
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** Starts a site on a free port over an empty data folder. @throws Error with what it said when it does not come up */
export async function startSite(options: SiteOptions): Promise<Site> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'forge-e2e-'))
  // Under root PostgreSQL runs as an account of its own, and would put its data elsewhere if it could not enter here.
  await chmod(dataDir, 0o755)
  const site = new Site(dataDir, options)
  running.add(site)
  try {
    await site.start()
  } catch (error) {
    await site.stop()
    throw error
  }
  return site
}

export class Site {
  readonly dataDir: string
  readonly #options: SiteOptions
  #child: ChildProcess | undefined
  #port = 0
  /** Whether a test asked for the present process's end. */
  #ending = false

  constructor(dataDir: string, options: SiteOptions) {
    this.dataDir = dataDir
    this.#options = options
  }

  /** `http://localhost:<port>`, the same after a restart. */
  get url(): string {
    return `http://localhost:${this.#port}`
  }

  get port(): number {
    return this.#port
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** As a visitor calls it. */
  get api(): Api {
    return new Api(this.url)
  }

  signUp(name: string): Promise<Person> {
    return signUp(this.url, name)
  }

  async start(): Promise<void> {
    this.#ending = false
    const child = spawn(process.execPath, [SERVER], {
      cwd: ROOT,
      env: environment({
        PORT: String(this.#port),
        FORGE_DATA_DIR: this.dataDir,
        FORGE_HOUSE_AGENT: this.#options.houseAgent ? 'on' : 'off',
        FORGE_DRAIN_SECONDS: '1',
        FORGE_TEST_GRANT: String(this.#options.testGrant ?? ENDLESS_GRANT),
      }),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    const said: string[] = []
    child.once('exit', (code, signal) => {
      if (!this.#ending)
        console.error(`the site ended by itself (${signal ?? code}); it said:\n${said.join('\n')}`)
    })
    this.#port = await new Promise<number>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`the site ${why}; it said:\n${said.join('\n')}`))
      const timer = setTimeout(() => fail(`was not ready within ${START_LIMIT_MS} ms`), START_LIMIT_MS)
      const hear = (line: string) => {
        said.push(line)
        const [, port] = /^ready http:\/\/localhost:(\d+)$/.exec(line) ?? []
        if (port === undefined) return
        clearTimeout(timer)
        resolve(Number(port))
      }
      readline.createInterface({ input: child.stdout }).on('line', hear)
      readline.createInterface({ input: child.stderr }).on('line', hear)
      child.once('exit', (code) => {
        clearTimeout(timer)
        fail(`ended with code ${code}`)
      })
    })
  }

  /** What a crash or the kernel's out-of-memory killer does: nothing of the process gets to run. */
  async kill9(): Promise<void> {
    const child = this.#alive()
    if (child === undefined) return
    this.#ending = true
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Starts it again on the same port and data. */
  async restart(): Promise<void> {
    await this.kill9()
    await this.start()
  }

  /** Ends everything that belongs to the site and removes its data. */
  async stop(): Promise<void> {
    const child = this.#alive()
    if (child !== undefined) {
      this.#ending = true
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      const cut = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
      await gone
      clearTimeout(cut)
    }
    const database = this.#databasePid()
    if (database !== undefined) {
      // After a kill -9 the database lives on. SIGINT is PostgreSQL's fast shutdown.
      signal(database, 'SIGINT')
      const end_ms = performance.now() + STOP_LIMIT_MS
      while (signal(database, 0) && performance.now() < end_ms) await delay(DATABASE_POLL_MS)
    }
    running.delete(this)
    await rm(this.dataDir, { recursive: true, force: true })
  }

  /** For the end of this process, where nothing can be waited for. */
  killAtOnce(): void {
    this.#ending = true
    this.#alive()?.kill('SIGKILL')
    const database = this.#databasePid()
    if (database !== undefined) signal(database, 'SIGQUIT')
  }

  /** The embedded database, as the server's own account reaches it: for letting time pass that a test cannot wait for. */
  databaseUrl(): string {
    const data = path.join(this.dataDir, 'pg/data')
    const [, , , port] = readFileSync(path.join(data, 'postmaster.pid'), 'utf8').split('\n')
    const password = readFileSync(path.join(data, 'forge-password'), 'utf8').trim()
    return `postgresql://forge:${password}@127.0.0.1:${port}/forge`
  }

  #alive(): ChildProcess | undefined {
    const child = this.#child
    return child === undefined || child.exitCode !== null || child.signalCode !== null ? undefined : child
  }

  /** The embedded database's process, as its own lock file names it. */
  #databasePid(): number | undefined {
    try {
      const [pid, folder] = readFileSync(path.join(this.dataDir, 'pg/data/postmaster.pid'), 'utf8').split(
        '\n',
      )
      return folder?.startsWith(this.dataDir) ? Number(pid) : undefined
    } catch {
      return undefined
    }
  }
}

/** @returns whether there is such a process */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
