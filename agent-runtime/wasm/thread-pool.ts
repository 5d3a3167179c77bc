import { ForgeError } from '../../kernel/errors.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'
import type { ModuleForm } from '../../shaders/modules.ts'
import { AGENT_LIMITS } from '../limits.ts'
import type { ComputeThread, ThreadReply } from './thread-messages.ts'

/** A job as threads prepare it; each of them holds operands and module of its own. */
export interface PooledJob {
  readonly id: number
  /** Canonical form of the contract. */
  readonly canonical: string
  readonly form: ModuleForm
  readonly inputs: InputBytes
}

/** One run of shards: its tasks are stopped together. */
export interface PooledRun {
  /** @throws ForgeError as the thread says; EXECUTOR_FAILED when the thread ends by itself; what `abort` was given */
  shard(shard: number): Promise<Uint8Array>
  /** Ends the threads that compute for this run, at once. */
  abort(error: ForgeError): void
  /** Nothing more of it is begun; what is being computed is not waited for. */
  abandon(): void
}

interface Task {
  readonly job: PooledJob
  readonly run: object
  readonly shard: number
  readonly resolve: (leaf: Uint8Array) => void
  readonly reject: (error: ForgeError) => void
}

interface HeldThread {
  readonly thread: ComputeThread
  /** What it computes; a thread has one request open at a time. */
  task: Task | undefined
  /** Jobs that it holds, by id. */
  readonly jobs: Set<number>
}

/**
 * Computing threads, started when there is work for them. Tasks begin in the order in which they were asked for, on a
 * thread that holds their job where one is free. Runs do not disturb each other: an abort ends only the threads that
 * compute for it.
 */
export class ThreadPool {
  readonly #spawn: () => ComputeThread
  readonly #size: () => number
  readonly #threads = new Set<HeldThread>()
  readonly #queue = new Set<Task>()

  /** @param size how many threads there may be; asked again whenever a task is to begin or has ended */
  constructor(spawn: () => ComputeThread, size: () => number) {
    this.#spawn = spawn
    this.#size = size
  }

  open(job: PooledJob): PooledRun {
    const run = {}
    const unqueue = (error: ForgeError) => {
      for (const task of this.#queue) {
        if (task.run !== run) continue
        this.#queue.delete(task)
        task.reject(error)
      }
    }
    return {
      shard: (shard) => {
        const leaf = new Promise<Uint8Array>((resolve, reject) => {
          this.#queue.add({ job, run, shard, resolve, reject })
        })
        // Whoever wants the leaf hears of its failure; a run that has ended wants none.
        leaf.catch(() => undefined)
        this.#begin()
        return leaf
      },
      abort: (error) => {
        unqueue(error)
        for (const held of [...this.#threads]) if (held.task?.run === run) this.#end(held, error)
        this.#begin()
      },
      abandon: () => unqueue(new ForgeError('CANCELLED', 'the run has ended')),
    }
  }

  /** Frees what threads hold of a job. */
  forget(job: PooledJob): void {
    for (const { jobs, thread } of this.#threads)
      if (jobs.delete(job.id)) thread.post({ t: 'close', job: job.id })
  }

  close(error: ForgeError): void {
    for (const task of this.#queue) task.reject(error)
    this.#queue.clear()
    for (const held of [...this.#threads]) this.#end(held, error)
  }

  #begin(): void {
    const size = Math.max(1, this.#size())
    for (const held of [...this.#threads]) {
      if (this.#threads.size > size && held.task === undefined)
        this.#end(held, new ForgeError('CANCELLED', 'fewer threads are allowed'))
    }
    for (const task of [...this.#queue]) {
      const held = this.#threadFor(task.job, size)
      if (held === undefined) continue
      this.#queue.delete(task)
      held.task = task
      const { id, canonical, form, inputs } = task.job
      if (held.jobs.has(id)) held.thread.post({ t: 'shard', job: id, shard: task.shard })
      else {
        held.jobs.add(id)
        held.thread.post({ t: 'prepare', job: id, canonical, form, inputs })
      }
    }
  }

  #threadFor(job: PooledJob, size: number): HeldThread | undefined {
    const threads = [...this.#threads]
    const free = threads.filter(({ task }) => task === undefined)
    const ready = free.find(({ jobs }) => jobs.has(job.id))
    if (ready !== undefined) return ready
    // Every thread holds the operands once more.
    if (threads.filter(({ jobs }) => jobs.has(job.id)).length >= holdersOf(job)) return undefined
    return free[0] ?? (threads.length < size ? this.#start() : undefined)
  }

  #start(): HeldThread {
    const held: HeldThread = { thread: this.#spawn(), task: undefined, jobs: new Set() }
    this.#threads.add(held)
    held.thread.listen(
      (reply) => this.#hear(held, reply),
      (reason) => {
        this.#end(held, new ForgeError('EXECUTOR_FAILED', `the computing thread ended: ${reason}`))
        this.#begin()
      },
    )
    return held
  }

  #hear(held: HeldThread, reply: ThreadReply): void {
    const { task } = held
    if (task === undefined) return
    switch (reply.t) {
      case 'prepared':
        held.thread.post({ t: 'shard', job: task.job.id, shard: task.shard })
        return
      case 'leaf':
        held.task = undefined
        task.resolve(reply.leaf)
        break
      case 'failed':
        held.task = undefined
        // It may have failed to prepare: the next task of the job tries again.
        if (held.jobs.delete(task.job.id)) held.thread.post({ t: 'close', job: task.job.id })
        task.reject(new ForgeError(reply.error.code, reply.error.message, reply.error))
        break
      default:
        reply satisfies never
    }
    this.#begin()
  }

  #end(held: HeldThread, error: ForgeError): void {
    if (!this.#threads.delete(held)) return
    held.thread.terminate()
    held.task?.reject(error)
    held.task = undefined
  }
}

/** Threads that may hold a job's operands at once. */
function holdersOf({ inputs }: PooledJob): number {
  let bytes = 0
  for (const operand of inputs.values()) bytes += operand.length
  return Math.max(1, Math.floor(AGENT_LIMITS.pool_operand_bytes / Math.max(1, bytes)))
}
