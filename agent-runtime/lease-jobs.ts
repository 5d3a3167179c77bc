import { parseJsonStrict } from '../kernel/canonical.ts'
import type { HexDigest } from '../kernel/digest.ts'
import { ForgeError } from '../kernel/errors.ts'
import type { OpRegistry, PreparedJob } from '../kernel/job.ts'
import type { Executor, ShardRunner } from './executor.ts'
import { AGENT_LIMITS } from './limits.ts'

/** A contract ready to run on the executor. */
export interface LeaseJob {
  readonly job: PreparedJob
  readonly runner: ShardRunner
}

/** How missing pieces are fetched; both may be called again after a failure. */
export interface LeaseSources {
  contract(hash: HexDigest): Promise<string>
  input(digest: HexDigest): Promise<Uint8Array>
}

/**
 * Contracts, operands and compiled jobs, fetched once by digest and kept: the leases of a job come one after another.
 * Asking again for what is on its way joins the first request.
 */
export class LeaseJobs {
  readonly #executor: Executor
  readonly #registry: OpRegistry
  readonly #sources: LeaseSources
  /** In order of last use. */
  readonly #jobs = new Map<HexDigest, Promise<LeaseJob>>()
  readonly #inputs = new Map<HexDigest, Promise<Uint8Array>>()
  #inputBytes = 0

  constructor(executor: Executor, registry: OpRegistry, sources: LeaseSources) {
    this.#executor = executor
    this.#registry = registry
    this.#sources = sources
  }

  /**
   * @throws ForgeError DIGEST_MISMATCH when the hub's text is not the contract it named; EXECUTOR_FAILED; and as the
   * sources and `OpRegistry.prepare` do
   */
  get(contractHash: HexDigest): Promise<LeaseJob> {
    const present = this.#jobs.get(contractHash)
    this.#jobs.delete(contractHash)
    const job = present ?? this.#prepare(contractHash)
    this.#jobs.set(contractHash, job)
    if (present === undefined) {
      // A failure is not kept: the next lease tries again. Its error is read by whoever awaits `job`.
      job.catch(() => {
        if (this.#jobs.get(contractHash) === job) this.#jobs.delete(contractHash)
      })
      this.#evictJobs()
    }
    return job
  }

  close(): void {
    for (const job of this.#jobs.values()) closeWhenReady(job)
    this.#jobs.clear()
    this.#inputs.clear()
    this.#inputBytes = 0
  }

  async #prepare(contractHash: HexDigest): Promise<LeaseJob> {
    const canonical = await this.#sources.contract(contractHash)
    const job = this.#registry.prepare(parseJsonStrict(canonical))
    if (job.contractHash !== contractHash || job.canonical !== canonical) {
      throw new ForgeError('DIGEST_MISMATCH', 'the hub sent another contract than the lease names', {
        hint: 'The agent and the hub may be of different versions.',
      })
    }
    const inputs = new Map<string, Uint8Array>()
    for (const [name, ref] of Object.entries(job.contract.inputs))
      inputs.set(name, await this.#input(ref.digest))
    return { job, runner: await this.#executor.prepare(job, inputs) }
  }

  #input(digest: HexDigest): Promise<Uint8Array> {
    const present = this.#inputs.get(digest)
    this.#inputs.delete(digest)
    const bytes = present ?? this.#sources.input(digest)
    this.#inputs.set(digest, bytes)
    if (present === undefined) {
      bytes.then(
        (value) => {
          this.#inputBytes += value.length
          void this.#evictInputs()
        },
        () => this.#inputs.delete(digest),
      )
    }
    return bytes
  }

  #evictJobs(): void {
    for (const [hash, job] of this.#jobs) {
      if (this.#jobs.size <= AGENT_LIMITS.contracts_kept) return
      this.#jobs.delete(hash)
      closeWhenReady(job)
    }
  }

  async #evictInputs(): Promise<void> {
    for (const [digest, bytes] of [...this.#inputs]) {
      if (this.#inputBytes <= AGENT_LIMITS.input_cache_bytes || this.#inputs.size <= 1) return
      const { length } = await bytes.catch(() => new Uint8Array(0))
      if (this.#inputs.delete(digest)) this.#inputBytes -= length
    }
  }
}

function closeWhenReady(job: Promise<LeaseJob>): void {
  job.then(
    ({ runner }) => runner.close(),
    () => undefined,
  )
}
