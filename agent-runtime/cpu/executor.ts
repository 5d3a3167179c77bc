import type { PreparedJob } from '../../kernel/job.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'
import { throwIfAborted } from '../clock.ts'
import type { Executor, ShardLeaf, ShardRunner } from '../executor.ts'
import { nextTurn } from './turn.ts'

/**
 * The reference execution on this thread, a shard at a time, serving the event loop in between. A shard is about 0.2 s:
 * on a thread that has anything else to do use `ThreadedCpuExecutor`, which keeps this one in a worker.
 */
export class CpuExecutor implements Executor {
  readonly kind = 'cpu'
  readonly label = 'CPU, one thread'

  async prepare(job: PreparedJob, inputs: InputBytes): Promise<ShardRunner> {
    return {
      async *run(first: number, count: number, signal: AbortSignal): AsyncGenerator<ShardLeaf> {
        for (let shard = first; shard < first + count; shard++) {
          await nextTurn()
          throwIfAborted(signal)
          yield { shard, leaf: job.reference(shard, inputs) }
        }
      },
      close: () => {},
    }
  }

  async close(): Promise<void> {}
}
