import { expose } from 'comlink'
import { OPS } from '../kernel/ops/registry.ts'
import { visitorsBlob } from './blobs.ts'
import { systemClock } from './clock.ts'
import { spawnWorkerThread } from './cpu/spawn-browser.ts'
import { ThreadedCpuExecutor } from './cpu/threaded-executor.ts'
import { type Reexecution, type ReexecutionEvent, type ReexecutionRequest, reexecute } from './reexecute.ts'
import { installErrorTransfer } from './transfer-errors.ts'

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
          makeCpu: async () => new ThreadedCpuExecutor(spawnWorkerThread),
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
