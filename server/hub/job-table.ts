import type { JobRuntime } from './job-runtime.ts'

/** The jobs that this hub has, and their contracts, which agents ask for by hash. */
export class JobTable {
  readonly #runtimes = new Map<string, JobRuntime>()
  readonly #contracts = new Map<string, string>()

  add(runtime: JobRuntime): void {
    this.#runtimes.set(runtime.id, runtime)
    this.#contracts.set(runtime.job.contractHash, runtime.job.canonical)
  }

  remove(jobId: string): void {
    const hash = this.#runtimes.get(jobId)?.job.contractHash
    this.#runtimes.delete(jobId)
    const isShared = [...this.#runtimes.values()].some((runtime) => runtime.job.contractHash === hash)
    if (hash !== undefined && !isShared) this.#contracts.delete(hash)
  }

  has(jobId: string): boolean {
    return this.#runtimes.has(jobId)
  }

  get(jobId: string): JobRuntime | undefined {
    return this.#runtimes.get(jobId)
  }

  ids(): IterableIterator<string> {
    return this.#runtimes.keys()
  }

  all(): IterableIterator<JobRuntime> {
    return this.#runtimes.values()
  }

  /** @returns the canonical form of a running job's contract */
  contract(hash: string): string | undefined {
    return this.#contracts.get(hash)
  }
}
