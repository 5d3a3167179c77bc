import { expose } from 'comlink'
import { OPS } from '../kernel/ops/registry.ts'
import { visitorsBlob } from './blobs.ts'
import { systemClock } from './clock.ts'
import { type Reexecution, type ReexecutionEvent, type ReexecutionRequest, reexecute } from './reexecute.ts'
import { installErrorTransfer } from './transfer-errors.ts'
import { spawnWorkerThread } from './wasm/spawn-browser.ts'
import { ThreadedWasmExecutor } from './wasm/threaded-executor.ts'

/** Entry of the worker that executes shards of a job again for whoever looks at it. It ends by being terminated. */

export interface ReexecutionApi {
  run(request: ReexecutionRequest, heard: (event: ReexecutionEvent) => void): Promise<Reexecution>
}

const api: ReexecutionApi = {
  run: (request, heard) =>
    reexecute(
      {
        host: {
          gpu: navigator.gpu,
          noGpuReason: 'this browser offers no WebGPU to this page',
          makeCpu: async () => new ThreadedWasmExecutor(spawnWorkerThread),
        },
        registry: OPS,
        clock: systemClock,
        operand: (digest, signal) => visitorsBlob(self.location.origin, digest, signal),
      },
      request,
      heard,
      new AbortController().signal,
    ),
}

installErrorTransfer()
expose(api)
