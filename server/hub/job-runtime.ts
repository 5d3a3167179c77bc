import type { AcceptedRun } from '../../kernel/acceptance.ts'
import type { Aggregate } from '../../kernel/aggregate.ts'
import {
  type JobRoom,
  type JobState,
  type JobWaiting,
  PRIORITY_WEIGHTS,
  type ProgressView,
} from '../../kernel/api.ts'
import { canonicalJson } from '../../kernel/canonical.ts'
import { causeOf } from '../../kernel/causes.ts'
import { bytesToHex, sha256Hex } from '../../kernel/digest.ts'
import { stoppingRoom } from '../../kernel/early-stopping.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import { memoryBytes } from '../../kernel/needs.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'
import { addFindings, type CheckFindings, NO_FINDINGS } from '../../kernel/verification/job-bound.ts'
import type { ArtifactRow, BlobStore, JobRow, ResultGroup, Settlement } from '../memory/ports.ts'
import type { TrustStore } from '../memory/trust-store.ts'
import type { AdmittedJob } from './core/events.ts'
import type { HubJob, Run } from './core/state.ts'
import { formatHeadline } from './headline.ts'
import { readBlob } from './intake.ts'
import { lookWindow } from './look-window.ts'
import { ShardTally } from './shard-tally.ts'

const GRID_CELLS = 1024
const ESTIMATES = 200

/**
 * What the shell keeps of a running job beside the core's state: the fold, the figures, and what a watcher sees. All
 * of it follows from the accepted shards, so a restart rebuilds it from storage.
 */
export class JobRuntime {
  readonly id: string
  readonly job: PreparedJob
  #aggregate: Aggregate
  /** One bit a shard that is folded. */
  readonly #seen: Uint8Array
  /** Leaves of shards that the referee has replaced after they were folded. */
  readonly #replaced = new Map<number, Uint8Array>()
  #findings = NO_FINDINGS
  readonly #blobs: BlobStore
  /** One for the shards before each look of a job with a target that no earlier one has; else one for all. */
  readonly #tallies: readonly ShardTally[]
  #estimates: { shards: number; value: number; standard_error: number }[] = []
  #inputs: Promise<InputBytes> | undefined
  readonly #shards_per_cell: number
  /** Shards of each cell that are not accepted. */
  readonly #missing: Uint32Array
  /** True once the result is being made: it is made once. */
  finishing = false

  constructor(id: string, job: PreparedJob, blobs: BlobStore) {
    this.id = id
    this.job = job
    this.#aggregate = job.newAggregate()
    this.#tallies = (job.plan.looks ?? [job.plan.shard_count]).map(() => new ShardTally())
    const total = job.plan.shard_count
    this.#seen = new Uint8Array((total + 7) >> 3)
    this.#shards_per_cell = Math.ceil(total / GRID_CELLS)
    this.#missing = Uint32Array.from({ length: Math.ceil(total / this.#shards_per_cell) }, (_, cell) =>
      Math.min(this.#shards_per_cell, total - cell * this.#shards_per_cell),
    )
    this.#blobs = blobs
  }

  /** Shards that are durable and folded. */
  get folded(): number {
    return this.#aggregate.folded
  }

  /** Shows shards as accepted. Each is given once. */
  accept(runs: readonly AcceptedRun[]): void {
    for (const { first, count } of runs) {
      for (let shard = first; shard < first + count; ) {
        const cell = Math.floor(shard / this.#shards_per_cell)
        const end = Math.min(first + count, (cell + 1) * this.#shards_per_cell)
        this.#missing[cell] = (this.#missing[cell] ?? 0) - (end - shard)
        shard = end
      }
    }
  }

  /**
   * Folds shards that are durable. One that is given again has been replaced by the referee: the fold is made again before
   * the result.
   * @param isNew from an earlier life of the hub: nobody has shown them as accepted yet
   */
  async fold(
    runs: readonly AcceptedRun[],
    findings: CheckFindings,
    { isNew }: { readonly isNew: boolean },
  ): Promise<void> {
    this.#findings = addFindings(this.#findings, findings)
    for (const run of runs) {
      const isReplacement = this.#isSeen(run.first)
      if (isNew && !isReplacement) this.accept([run])
      for (let offset = 0; offset < run.count; offset++) {
        const shard = run.first + offset
        // Leaves that are here are not waited for: a promise a shard would cost more than its folding.
        const leaf = run.leaves[offset] ?? (await this.#leafOf(run, offset))
        if (this.#isSeen(shard)) this.#replaced.set(shard, leaf)
        else {
          this.#seen[shard >> 3] = (this.#seen[shard >> 3] ?? 0) | (1 << (shard & 7))
          this.#aggregate.add(shard, leaf)
        }
      }
      const tally = this.#tallies[lookWindow(this.job.plan.looks, run.first)]
      if (isReplacement) tally?.replace(run)
      else tally?.add(run)
    }
    this.#note()
  }

  #isSeen(shard: number): boolean {
    return ((this.#seen[shard >> 3] ?? 0) & (1 << (shard & 7))) !== 0
  }

  async #leafOf({ first, digests, leaves }: AcceptedRun, offset: number): Promise<Uint8Array> {
    const leaf =
      this.job.plan.leaf.kind === 'inline'
        ? leaves[offset]
        : await readBlob(this.#blobs, bytesToHex(digests.subarray(32 * offset, 32 * offset + 32)))
    invariant(leaf !== undefined, `shard ${first + offset} has its leaf`)
    return leaf
  }

  /** The fold without what was replaced, and with what replaced it. */
  async #foldAgain(load: () => AsyncIterable<ResultGroup>): Promise<void> {
    const aggregate = this.job.newAggregate()
    for await (const { runs } of load()) {
      for (const run of runs) {
        for (let offset = 0; offset < run.count; offset++) {
          if (!this.#replaced.has(run.first + offset))
            aggregate.add(run.first + offset, await this.#leafOf(run, offset))
        }
      }
    }
    for (const [shard, leaf] of this.#replaced) aggregate.add(shard, leaf)
    if (aggregate.covered !== this.#aggregate.covered) {
      throw new ForgeError(
        'EXECUTOR_FAILED',
        'a wrong result, since replaced, had stopped the job too early',
        {
          hint: 'Submit it again; the agent that gave it is in quarantine.',
        },
      )
    }
    this.#aggregate = aggregate
    this.#replaced.clear()
  }

  /** What the durable shards say of a job with a target: the same after every restart. */
  looked(): Pick<HubJob, 'looks_passed' | 'stopped_at'> {
    const { covered, looks } = this.#aggregate
    const hasStopped = covered !== undefined && covered < this.job.plan.shard_count
    return {
      looks_passed: hasStopped ? looks.length - 1 : looks.length,
      stopped_at: hasStopped ? covered : undefined,
    }
  }

  /** Operands, read once. */
  inputs(): Promise<InputBytes> {
    this.#inputs ??= this.#readInputs()
    return this.#inputs
  }

  async #readInputs(): Promise<InputBytes> {
    const inputs = new Map<string, Uint8Array>()
    for (const [name, ref] of Object.entries(this.job.contract.inputs))
      inputs.set(name, await readBlob(this.#blobs, ref.digest))
    return inputs
  }

  /**
   * Makes the result and stores its artifacts.
   * @param load everything accepted for the job, from the store
   * @throws ForgeError INTERNAL when a shard is missing
   */
  async settlement(load: () => AsyncIterable<ResultGroup>): Promise<Settlement> {
    if (this.#replaced.size > 0) await this.#foldAgain(load)
    const { result, artifacts } = this.#aggregate.finish()
    const canonical = canonicalJson(result)
    const rows: ArtifactRow[] = []
    for (const { name, dtype, shape, bytes } of artifacts) {
      const { digest } = await this.#blobs.put(once(bytes))
      rows.push({ name, digest, dtype, shape, bytes: bytes.length })
    }
    return {
      result: canonical,
      result_digest: sha256Hex(canonical),
      headline: formatHeadline(this.job.summarise(result).headline),
      artifacts: rows,
      progress: this.progress(undefined),
      covered_shards: this.covered(),
    }
  }

  /** Shards that the result of a job with a target covers, once known; null for every other job. */
  covered(): number | null {
    return this.job.target === undefined ? null : (this.#aggregate.covered ?? null)
  }

  progress(core: HubJob | undefined): ProgressView {
    const covered = this.covered()
    const windows = this.job.plan.looks?.filter((end) => covered === null || end <= covered).length ?? 1
    const surplus = this.#tallies.slice(windows).reduce((sum, { shards }) => sum + shards, 0)
    return {
      ...ShardTally.sum(this.#tallies.slice(0, windows)),
      in_flight: core?.touched_count ?? 0,
      checks: { ...this.#findings, waiting: core === undefined ? 0 : waitingForReferee(core) },
      ...(this.job.target === undefined ? {} : { surplus }),
    }
  }

  room(state: JobState, core: HubJob | undefined, waiting?: JobWaiting): JobRoom {
    return {
      state,
      ...(waiting === undefined ? {} : { waiting }),
      shard_count: this.job.plan.shard_count,
      progress: this.progress(core),
      grid: this.#grid(core),
      estimates: this.#estimates,
      ...stoppingRoom(this.job, this.#aggregate),
    }
  }

  /** Adds the running estimate, and thins the series by half when it grows too long. */
  #note(): void {
    const estimate = this.#aggregate.estimate()
    if (estimate === undefined) return
    if (this.#estimates.at(-1)?.shards === this.#aggregate.folded) return
    if (this.#estimates.length >= ESTIMATES)
      this.#estimates = this.#estimates.filter((_, index) => index % 2 === 1)
    this.#estimates.push({
      shards: this.#aggregate.folded,
      value: estimate.value,
      standard_error: estimate.standard_error,
    })
  }

  /** A cell is accepted when all its shards are; otherwise it shows the furthest that any of its shards has come. */
  #grid(core: HubJob | undefined): JobRoom['grid'] {
    const shards_per_cell = this.#shards_per_cell
    if (core === undefined) {
      const mark = this.#aggregate.covered === undefined ? '.' : 'a'
      return { shards_per_cell, cells: mark.repeat(this.#missing.length) }
    }
    const cells = Array.from(this.#missing, (missing): string => (missing === 0 ? 'a' : '.'))
    for (const chunk of core.chunks.values()) {
      for (const run of chunk.runs) {
        const last = Math.floor((run.first + run.count - 1) / shards_per_cell)
        for (let cell = Math.floor(run.first / shards_per_cell); cell <= last; cell++)
          cells[cell] = markOf(run)
      }
    }
    return { shards_per_cell, cells: cells.join('') }
  }
}

/** Shards of which the referee has still to say something. */
function waitingForReferee(job: HubJob): number {
  let waiting = job.suspect_count
  for (const chunk of job.chunks.values()) {
    for (const { stage, count, sample } of chunk.runs) {
      if (stage === 'audited') waiting += sample.length
      else if (stage !== 'open') waiting += count
    }
  }
  return waiting
}

/** Disputed, returned, or leased. */
function markOf(run: Run): string {
  if (run.stage === 'disputed' || run.stage === 'refereed') return 'd'
  return run.returned_ms === undefined ? 'l' : 'r'
}

/** Bytes as the stream that a blob store takes. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

export type SingleRun = NonNullable<AdmittedJob['singles']>[number]

/** A run that rests on one word, as the core keeps it in mind. */
export function singlesOf({ first, count, method, copies }: AcceptedRun): readonly SingleRun[] {
  return method === 'single' ? copies.map(({ agent, executor }) => ({ agent, executor, first, count })) : []
}

/** What of the job rests on the word of agents that were found wrong since it was submitted, and what on others'. */
export async function sortSingles(
  trust: Pick<TrustStore, 'failedSince'>,
  row: Pick<JobRow, 'created_at'>,
  singles: readonly SingleRun[],
): Promise<{ readonly singles: readonly SingleRun[]; readonly suspects: readonly SingleRun[] }> {
  const keyOf = ({ agent, executor }: Pick<SingleRun, 'agent' | 'executor'>) => `${agent} ${executor}`
  const who = [...new Map(singles.map((run) => [keyOf(run), run])).values()]
  const failed = new Set((await trust.failedSince(who, row.created_at)).map(keyOf))
  return {
    singles: singles.filter((run) => !failed.has(keyOf(run))),
    suspects: singles.filter((run) => failed.has(keyOf(run))),
  }
}

/** A stored job as the core takes it. */
export function admittedJob(
  row: JobRow,
  job: PreparedJob,
  { singles, suspects }: Awaited<ReturnType<typeof sortSingles>>,
  looked: Pick<HubJob, 'looks_passed' | 'stopped_at'>,
  now_ms: number,
): AdmittedJob {
  const { verify, policy } = job.contract
  return {
    id: row.id,
    owner: row.owner_id,
    shard_count: job.plan.shard_count,
    shard_units: job.plan.work_units / job.plan.shard_count,
    leaf_max_bytes: job.plan.leaf.max_bytes,
    inline_leaves: job.plan.leaf.kind === 'inline',
    contract_hash: job.contractHash,
    plan_digest: job.planDigest,
    verify,
    ...(verify.mode === 'none' ? {} : { singles, suspects }),
    target: policy.target,
    min_agents: policy.min_agents,
    max_agents: policy.max_agents ?? Number.POSITIVE_INFINITY,
    weight: PRIORITY_WEIGHTS[row.priority],
    cause: causeOf(job.contract.op),
    memory_bytes: memoryBytes(job),
    operands: Object.values(job.contract.inputs).map(({ digest }) => digest),
    isPaused: row.paused_at !== null,
    look_ends: job.plan.looks ?? [],
    ...looked,
    // The time limit counts from submission, across restarts; inside the hub only the monotonic clock is used.
    expires_ms: now_ms + Math.max(0, row.created_at.getTime() + policy.timeout_ms - Date.now()),
    phase: row.state === 'running' || row.state === 'verifying' ? row.state : 'planned',
  }
}
