import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { withDriver, withinTime } from './browser-hosts.ts'
import {
  EVALUATE_TIMEOUT_MS,
  type Host,
  type HostFactory,
  OPEN_TIMEOUT_MS,
  type Reply,
  unwrapReply,
} from './host.ts'

const RUNNER = fileURLToPath(new URL('./host-process.mjs', import.meta.url))

/** Starts the runner, waits until it says that it is ready, then talks to it in lines of JSON. */
async function openProcess(
  identity: Omit<HostFactory, 'open'>,
  command: string,
  args: string[],
  icd: string | undefined,
): Promise<Host> {
  const folder = await mkdtemp(path.join(tmpdir(), 'forge-host-'))
  // The Vulkan loader complains on standard error when it has no runtime directory.
  const child = spawn(command, [...args, RUNNER], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: withDriver(icd, { NO_COLOR: '1', XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? folder }),
  })
  const waiting = new Map<number, (reply: Reply) => void>()
  let ready = () => {}
  const started = new Promise<void>((resolve, reject) => {
    ready = resolve
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      const reply: Reply = { ok: false, message: `the process ended (${signal ?? code})`, stack: '' }
      reject(new Error(`${identity.name}: ${reply.message}`))
      for (const settle of waiting.values()) settle(reply)
      waiting.clear()
    })
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('[')) return
    const [id, reply] = JSON.parse(line) as [number, Reply]
    if (id === 0) ready()
    waiting.get(id)?.(reply)
    waiting.delete(id)
  })
  const close = async () => {
    await end(child)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await withinTime(started, OPEN_TIMEOUT_MS, `opening ${identity.name}`)
  } catch (error) {
    await close()
    throw error
  }
  let calls = 0
  return {
    ...identity,
    close,
    async evaluate(moduleSource, fnName, arg) {
      const name = `${createHash('sha256').update(moduleSource).digest('hex')}.mjs`
      await writeFile(path.join(folder, name), moduleSource)
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`${identity.name} is not running`)
      const id = ++calls
      const answer = new Promise<Reply>((resolve) => waiting.set(id, resolve))
      child.stdin.write(`${JSON.stringify([id, pathToFileURL(path.join(folder, name)).href, fnName, arg])}\n`)
      return unwrapReply(
        identity.name,
        await withinTime(answer, EVALUATE_TIMEOUT_MS, `${identity.name}: ${fnName}`),
      )
    },
  }
}

/** Asks the runner to leave, then insists. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.stdin?.end()
  const insist = setTimeout(() => child.kill('SIGKILL'), 2_000)
  await gone
  clearTimeout(insist)
}

/** Node with Dawn, the implementation inside Chromium. @param icd undefined: the system's own driver */
export function dawnHost(driver: string, icd: string | undefined): HostFactory {
  const identity = { name: `dawn-${driver}`, compiler: 'tint', driver } as const
  return { ...identity, open: () => openProcess(identity, process.execPath, [], icd) }
}

/** Deno with wgpu and naga, the implementation inside Firefox. @param icd undefined: the system's own driver */
export function denoHost(executablePath: string, driver: string, icd: string | undefined): HostFactory {
  const identity = { name: `deno-${driver}`, compiler: 'naga', driver } as const
  const args = ['run', '--unstable-webgpu', '-A', '--no-remote', '--no-lock', '--quiet']
  return { ...identity, open: () => openProcess(identity, executablePath, args, icd) }
}
