import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import readline from 'node:readline'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const START_TIMEOUT_MS = 120_000
/** A server that dies so often does so for a reason that starting it again does not mend. */
const MAX_RESTARTS = 5

/** The site as a child process. If it dies, it is started again: accepted work is in its database. */
export class Site {
  readonly url: string
  /** Absolute: what the server keeps between runs. */
  readonly dataDir = path.resolve(ROOT, process.env.FORGE_DATA_DIR || '.forge')
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
