import { Worker } from 'node:worker_threads'
import type { ComputeThread } from '../wasm/thread-messages.ts'

/** Starts the computing thread of Node: `agent-worker.mjs` beside the bundle, or worker.ts when run from source. */
export function spawnNodeThread(): ComputeThread {
  const fromSource = import.meta.url.endsWith('.ts')
  const worker = fromSource
    ? new Worker(new URL('./worker-from-source.mjs', import.meta.url))
    : new Worker(new URL('./agent-worker.mjs', import.meta.url))
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
