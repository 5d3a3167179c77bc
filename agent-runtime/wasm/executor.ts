import { WasmProgram } from '../../kernel/execute/wasm-program.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'
import { bestForm, kernelModule, type ModuleForm } from '../../shaders/modules.ts'
import { throwIfAborted } from '../clock.ts'
import type { Executor, ShardLeaf, ShardRunner } from '../executor.ts'
import { nextTurn } from './turn.ts'

/** Names a form of the modules for the owner. */
export function wasmLabel(form: ModuleForm, threads = 1): string {
  const engine = form === 'simd' ? 'WASM with SIMD' : 'WASM'
  return `${engine}, ${threads === 1 ? 'one thread' : `${threads} threads`}`
}

/**
 * The compiled kernel on this thread, a shard at a time, serving the event loop in between. A shard is about 0.2 s: on a
 * thread that has anything else to do use `ThreadedWasmExecutor`, which keeps this one in a worker.
 */
export class WasmExecutor implements Executor {
  readonly kind = 'wasm'
  readonly width = 1
  readonly label: string
  readonly #form: ModuleForm

  /** @param form by default the fastest that this engine can run */
  constructor(form: ModuleForm = bestForm()) {
    this.#form = form
    this.label = wasmLabel(form)
  }

  async prepare(job: PreparedJob, inputs: InputBytes): Promise<ShardRunner> {
    const program = job.gpu()
    const compiled = new WasmProgram(await kernelModule(program.kernel, this.#form), program, inputs)
    return {
      async *run(first: number, count: number, signal: AbortSignal): AsyncGenerator<ShardLeaf> {
        for (let shard = first; shard < first + count; shard++) {
          await nextTurn()
          throwIfAborted(signal)
          yield { shard, leaf: compiled.leaf(shard) }
        }
      },
      close: () => {},
    }
  }

  async close(): Promise<void> {}
}
