import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Running a peer as its users do: its own program, in its own process, on one thread. */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** The slowest peer takes about five seconds on an idle machine. */
const TIMEOUT_MS = 180_000

export const PEERS = fileURLToPath(new URL('./peers/', import.meta.url))

/**
 * Our environment, without what overrides a BLAS's choice of kernels (OpenBLAS takes a CPU type or cache size from the
 * environment over the CPU's own, and is then slower than its users see it), and with one thread everywhere.
 */
export function peerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _cache, ...rest } = env
  return { ...rest, OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }
}

/**
 * @returns what the program wrote to standard output
 * @throws Error with the end of its complaints when it fails or takes too long
 */
export function runPeer(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      env: peerEnvironment(process.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr = `${stderr}${chunk}`.slice(-2000)
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(stdout)
      else reject(new Error(`${command} ended with ${signal ?? code}: ${stderr.trim().slice(-500)}`))
    })
  })
}

/** The first number that `pattern` captures, or of the whole text. @throws Error where there is none above 0 */
export function rateIn(text: string, pattern = /^\s*([0-9.]+)\s*$/m): number {
  const rate = Number(pattern.exec(text)?.[1] ?? Number.NaN)
  if (!(rate > 0)) throw new Error(`the peer printed no rate: ${JSON.stringify(text.slice(0, 200))}`)
  return rate
}

/** Version of an installed package, or undefined when it is not here. */
export function packageVersion(name: string): string | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(`${ROOT}node_modules/${name}/package.json`, 'utf8'))
    if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
      return String(manifest.version)
  } catch {
    // not installed
  }
  return undefined
}
