import { ForgeError, invariant } from '../../kernel/errors.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'
import { bestForm, type ModuleForm } from '../../shaders/modules.ts'
import { cancelled, throwIfAborted } from '../clock.ts'
import type { Executor, ShardLeaf, ShardRunner } from '../executor.ts'
import { wasmLabel } from './executor.ts'
import type { ComputeThread, ThreadReply, ThreadRequest } from './thread-messages.ts'

interface Waiting {
  readonly resolve: (reply: Extract<ThreadReply, { t: 'prepared' | 'leaf' }>) => void
  readonly reject: (error: ForgeError) => void
}

interface HeldThread {
  readonly thread: ComputeThread
  /** Answers come in the order of the questions. */
  readonly waiting: Waiting[]
  readonly prepared: Set<number>
}

/**
 * The WASM executor in a thread of its own, so that messages and a stop are served while a shard runs. A shard is one
 * uninterruptible call of about 0.2 s; an abort therefore ends the thread, at once, and the next run starts another.
 */
export class ThreadedWasmExecutor implements Executor {
  readonly kind = 'wasm'
  readonly label: string
  readonly #spawn: () => ComputeThread
  readonly #form: ModuleForm
  #held: HeldThread | undefined
  #jobs = 0

  /** @param form by default the fastest that this engine can run */
  constructor(spawn: () => ComputeThread, form: ModuleForm = bestForm()) {
    this.#spawn = spawn
    this.#form = form
    this.label = wasmLabel(form)
  }

  async prepare(job: PreparedJob, inputs: InputBytes): Promise<ShardRunner> {
    const id = ++this.#jobs
    const run = (first: number, count: number, signal: AbortSignal) =>
      this.#run(id, job, inputs, first, count, signal)
    return {
      run,
      close: () => {
        if (this.#held?.prepared.delete(id)) this.#held.thread.post({ t: 'close', job: id })
      },
    }
  }

  async close(): Promise<void> {
    this.#end(new ForgeError('CANCELLED', 'the executor is closed'))
  }

  async *#run(
    id: number,
    job: PreparedJob,
    inputs: InputBytes,
    first: number,
    count: number,
    signal: AbortSignal,
  ): AsyncGenerator<ShardLeaf> {
    throwIfAborted(signal)
    const onAbort = () => this.#end(cancelled(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      const held = this.#thread()
      if (!held.prepared.has(id)) {
        await ask(held, { t: 'prepare', job: id, canonical: job.canonical, form: this.#form, inputs })
        held.prepared.add(id)
      }
      for (let shard = first; shard < first + count; shard++) {
        throwIfAborted(signal)
        const reply = await ask(held, { t: 'shard', job: id, shard })
        invariant(reply.t === 'leaf' && reply.shard === shard, 'the thread answers what was asked')
        yield { shard, leaf: reply.leaf }
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  #thread(): HeldThread {
    if (this.#held !== undefined) return this.#held
    const held: HeldThread = { thread: this.#spawn(), waiting: [], prepared: new Set() }
    held.thread.listen(
      (reply) => {
        const next = held.waiting.shift()
        if (reply.t !== 'failed') next?.resolve(reply)
        else next?.reject(new ForgeError(reply.error.code, reply.error.message, reply.error))
      },
      (reason) => {
        if (this.#held === held)
          this.#end(new ForgeError('EXECUTOR_FAILED', `the computing thread ended: ${reason}`))
      },
    )
    this.#held = held
    return held
  }

  #end(error: ForgeError): void {
    const held = this.#held
    this.#held = undefined
    held?.thread.terminate()
    for (const { reject } of held?.waiting.splice(0) ?? []) reject(error)
  }
}

function ask(
  held: HeldThread,
  request: ThreadRequest,
): Promise<Extract<ThreadReply, { t: 'prepared' | 'leaf' }>> {
  return new Promise((resolve, reject) => {
    held.waiting.push({ resolve, reject })
    held.thread.post(request)
  })
}
