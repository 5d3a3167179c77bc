import { proxy, releaseProxy, wrap } from 'comlink'
import { ForgeError } from '../kernel/errors.ts'
import type { Reexecution, ReexecutionEvent, ReexecutionRequest } from './reexecute.ts'
import type { ReexecutionApi } from './reexecute-worker.ts'
import { installErrorTransfer } from './transfer-errors.ts'

/**
 * Executes shards of a settled job again, in a worker of its own that ends with the call: an abort stops it at once.
 * @throws ForgeError as `reexecute` does; UNAVAILABLE when the worker cannot run; CANCELLED after an abort
 */
export async function reexecuteHere(
  request: ReexecutionRequest,
  heard: (event: ReexecutionEvent) => void,
  signal: AbortSignal,
): Promise<Reexecution> {
  if (signal.aborted) throw new ForgeError('CANCELLED', 'stopped')
  installErrorTransfer()
  const worker = new Worker(new URL('./reexecute-worker.ts', import.meta.url), {
    type: 'module',
    name: 'forge-reexecution',
  })
  const api = wrap<ReexecutionApi>(worker)
  // Comlink would wait for ever for a worker that has died or was stopped.
  const ended = new Promise<never>((_, reject) => {
    worker.onerror = (event) => {
      const reason = event.message || 'its script could not be loaded'
      reject(new ForgeError('UNAVAILABLE', `the computing worker failed: ${reason}`))
    }
    signal.addEventListener('abort', () => reject(new ForgeError('CANCELLED', 'stopped')), { once: true })
  })
  try {
    return await Promise.race([api.run(request, proxy(heard)), ended])
  } finally {
    api[releaseProxy]()
    worker.terminate()
  }
}
