import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { freePorts } from '../../../scripts/cluster/processes.mjs'

const POLL_MS = 20
const portsFile = z.object({ nats: z.array(z.string()).min(1) })

export interface NatsServer {
  /** `nats://127.0.0.1:<port>` */
  readonly url: string
  close(): Promise<void>
}

/**
 * Starts a nats-server with JetStream on a free port and a store of its own.
 * @param more arguments: how it finds the others of its cluster
 */
export async function startNatsServer(executable: string, more: readonly string[] = []): Promise<NatsServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'forge-nats-'))
  const child = spawn(
    executable,
    [
      ...['-a', '127.0.0.1', '-p', '-1', '-js', '-sd', path.join(folder, 'store')],
      ...['--ports_file_dir', folder, ...more],
    ],
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

/** Starts so many nodes of one cluster. */
export async function startNatsCluster(executable: string, nodes: number): Promise<readonly NatsServer[]> {
  const ports = await freePorts(nodes)
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(',')
  return Promise.all(
    ports.map((port, at) =>
      startNatsServer(executable, [
        ...['-n', `node-${at}`, '-cluster_name', 'test'],
        ...['-cluster', `nats://127.0.0.1:${port}`, '-routes', routes],
      ]),
    ),
  )
}
