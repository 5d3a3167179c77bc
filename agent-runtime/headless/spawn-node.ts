import { parentPort, Worker } from 'node:worker_threads'
import { serveThread } from '../cpu/thread-body.ts'
import type { ComputeThread, ThreadRequest } from '../cpu/thread-messages.ts'

/**
 * Starts the computing thread of Node.
 * @param entry a module that calls `serveIfThread` first: the agent's own file, so that a bundle is one file
 */
export function spawnNodeThread(entry: URL): ComputeThread {
  const worker = entry.pathname.endsWith('.ts')
    ? new Worker(new URL('./thread-from-source.mjs', import.meta.url), {
        name: 'forge-compute',
        workerData: { entry: entry.href },
      })
    : new Worker(entry, { name: 'forge-compute' })
  return {
    post: (request) => worker.postMessage(request),
    listen(reply, died) {
      worker.on('message', reply)
      worker.on('error', (error) => died(error.message))
      worker.on('exit', (code) => died(`exit code ${code}`))
    },
    terminate: () => void worker.terminate(),
  }
}

/** In the computing thread: serves it. @returns whether this is that thread */
export function serveIfThread(): boolean {
  const port = parentPort
  if (port === null) return false
  const serve = serveThread((reply) => port.postMessage(reply))
  port.on('message', (request: ThreadRequest) => serve(request))
  return true
}
