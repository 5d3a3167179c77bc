import type { AcceptedShard } from '../../kernel/acceptance.ts'
import type { Aggregate } from '../../kernel/aggregate.ts'
import type { JobRoom, JobState, ProgressView } from '../../kernel/api.ts'
import { canonicalJson } from '../../kernel/canonical.ts'
import { bytesToHex, sha256Hex } from '../../kernel/digest.ts'
import { stoppingRoom } from '../../kernel/early-stopping.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'
import type { ArtifactRow, BlobStore, JobRow, Settlement } from '../memory/ports.ts'
import { type HubEvent, type HubJob, isAccepted } from './core/state.ts'
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
  readonly #aggregate: Aggregate
  readonly #blobs: BlobStore
  /** One for the shards before each look of a job with a target that no earlier one has; else one for all. */
  readonly #tallies: readonly ShardTally[]
  #estimates: { shards: number; value: number; standard_error: number }[] = []
  #inputs: Promise<InputBytes> | undefined
  /** True once the result is being made: it is made once. */
  finishing = false

  constructor(id: string, job: PreparedJob, blobs: BlobStore) {
    this.id = id
    this.job = job
    this.#aggregate = job.newAggregate()
    this.#tallies = (job.plan.looks ?? [job.plan.shard_count]).map(() => new ShardTally())
    this.#blobs = blobs
  }

  /** Folds shards that are durable. Each is given once. */
  async fold(shards: readonly AcceptedShard[]): Promise<void> {
    for (const accepted of shards) {
      const leaf =
        this.job.plan.leaf.kind === 'inline'
          ? accepted.leaf
          : await readBlob(this.#blobs, bytesToHex(accepted.digest))
      this.#aggregate.add(accepted.shard, leaf)
      this.#tallies[lookWindow(this.job.plan.looks, accepted.shard)]?.add(accepted)
    }
    this.#note()
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

  /** Makes the result and stores its artifacts. @throws ForgeError INTERNAL when a shard is missing */
  async settlement(): Promise<Settlement> {
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
    const in_flight =
      core?.segments.all.reduce(
        (sum, segment) => (segment.copies.length > 0 || segment.disputed ? sum + segment.count : sum),
        0,
      ) ?? 0
    return {
      ...ShardTally.sum(this.#tallies.slice(0, windows)),
      in_flight,
      ...(this.job.target === undefined ? {} : { surplus }),
    }
  }

  room(state: JobState, core: HubJob | undefined): JobRoom {
    return {
      state,
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
    const total = this.job.plan.shard_count
    const shards_per_cell = Math.ceil(total / GRID_CELLS)
    const count = Math.ceil(total / shards_per_cell)
    if (core === undefined)
      return { shards_per_cell, cells: (this.#aggregate.covered === undefined ? '.' : 'a').repeat(count) }
    const cells = new Array<string>(count).fill('a')
    for (let shard = 0; shard < total; shard++)
      if (!isAccepted(core, shard)) cells[Math.floor(shard / shards_per_cell)] = '.'
    for (const segment of core.segments.all) {
      if (segment.copies.length === 0 && !segment.disputed) continue
      const mark = segment.disputed ? 'd' : segment.returned_ms !== undefined ? 'r' : 'l'
      const last = Math.floor((segment.first + segment.count - 1) / shards_per_cell)
      for (let cell = Math.floor(segment.first / shards_per_cell); cell <= last; cell++) cells[cell] = mark
    }
    return { shards_per_cell, cells: cells.join('') }
  }
}

/** Bytes as the stream that a blob store takes. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** A stored job as the core takes it. `accepted`: shards durable from an earlier life of the hub. */
export function admittedJob(
  row: JobRow,
  job: PreparedJob,
  accepted: readonly number[],
  looked: Pick<HubJob, 'looks_passed' | 'stopped_at'>,
  now_ms: number,
): Extract<HubEvent, { t: 'job.admitted' }>['job'] {
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
    copies_needed: verify.mode === 'quorum' ? verify.k : 1,
    target: policy.target,
    // The time limit counts from submission, across restarts; inside the hub only the monotonic clock is used.
    look_ends: job.plan.looks ?? [],
    ...looked,
    expires_ms: now_ms + Math.max(0, row.created_at.getTime() + policy.timeout_ms - Date.now()),
    phase: row.state === 'running' || row.state === 'verifying' ? row.state : 'planned',
    accepted,
  }
}
