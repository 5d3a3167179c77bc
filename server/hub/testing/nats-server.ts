import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'

const POLL_MS = 20
const portsFile = z.object({ nats: z.array(z.string()).min(1) })

export interface NatsServer {
  /** `nats://127.0.0.1:<port>` */
  readonly url: string
  close(): Promise<void>
}

/** Starts a nats-server with JetStream on a free port and a store of its own. */
export async function startNatsServer(executable: string): Promise<NatsServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'forge-nats-'))
  const child = spawn(
    executable,
    ['-a', '127.0.0.1', '-p', '-1', '-js', '-sd', path.join(folder, 'store'), '--ports_file_dir', folder],
    { stdio: 'ignore' },
  )
  const ended = once(child, 'close')
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const url = async (): Promise<string> => {
    while (!hasEnded()) {
      const file = (await readdir(folder)).find((name) => name.endsWith('.ports'))
      const text = file === undefined ? '' : await readFile(path.join(folder, file), 'utf8')
      const [first] = text === '' ? [] : portsFile.parse(JSON.parse(text)).nats
      if (first !== undefined) return first
      await delay(POLL_MS)
    }
    throw new Error(`${executable} ended with ${child.exitCode}`)
  }
  return {
    url: await url(),
    async close() {
      child.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}
