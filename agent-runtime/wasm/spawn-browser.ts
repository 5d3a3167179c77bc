import type { ComputeThread } from './thread-messages.ts'

/** Starts the computing thread as a worker of the agent's worker. */
export function spawnWorkerThread(): ComputeThread {
  const worker = new Worker(new URL('./thread-browser.ts', import.meta.url), {
    type: 'module',
    name: 'forge-compute',
  })
  return {
    post: (request) => worker.postMessage(request),
    listen(reply, died) {
      worker.onmessage = (event) => reply(event.data)
      worker.onerror = (event) =>
        died(event.message === '' ? 'its script could not be loaded' : event.message)
    },
    terminate: () => worker.terminate(),
  }
}
