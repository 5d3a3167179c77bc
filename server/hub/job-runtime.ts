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
import type { CheckFindings } from '../../kernel/verification/job-bound.ts'
import { CANARY_SEQ } from '../memory/canary-answers.ts'
import type { BlobStore } from '../memory/ports/blobs.ts'
import type { ArtifactRow, JobRow, Settlement } from '../memory/ports/jobs.ts'
import type { StoredGroup } from '../memory/ports/results.ts'
import type { AdmittedJob } from './core/events.ts'
import type { HubJob, Run } from './core/state.ts'
import { type Word, wordKey } from './doubtful-shards.ts'
import { formatHeadline } from './headline.ts'
import { readBlob } from './intake.ts'
import { type JobPart, type PartNow, packMarks } from './job-part.ts'
import { JobParts } from './job-parts.ts'
import { ShardSet } from './shard-set.ts'

const ESTIMATES = 200

/**
 * What the shell keeps of a running job beside the core's state: the fold, the figures, and what a watcher sees. All
 * of it follows from the accepted shards, so a restart rebuilds it from storage.
 */
export class JobRuntime {
  readonly id: string
  readonly created_at: Date
  readonly job: PreparedJob
  #aggregate: Aggregate
  readonly #seen: ShardSet
  /** Leaves of shards that the referee has replaced. */
  readonly #replaced = new Map<number, Uint8Array>()
  /** So many of them are in the fold. */
  #refolded = 0
  /** Rows of the store that are folded, by epoch; of this hub's own epoch every commit is folded as it is made. */
  readonly #rows = new Map<number, Set<number>>()
  readonly #blobs: BlobStore
  readonly #epoch: number
  readonly parts: JobParts
  /** Shards that the referee has executed again in this hub's life because they rested on a wrong agent's word. */
  readonly rechecked: ShardSet
  /** Agents, with their executors, on whose word alone durable shards rest. */
  readonly singles = new Map<string, Word>()
  #estimates: { shards: number; value: number; standard_error: number }[] = []
  #inputs: Promise<InputBytes> | undefined
  #collecting: Promise<void> = Promise.resolve()
  /** True once the result is being made: it is made once. */
  finishing = false

  /** @param epoch of this hub */
  constructor(
    { id, created_at }: Pick<JobRow, 'id' | 'created_at'>,
    job: PreparedJob,
    blobs: BlobStore,
    epoch: number,
  ) {
    this.id = id
    this.created_at = created_at
    this.job = job
    this.#aggregate = job.newAggregate()
    const { shard_count, looks } = job.plan
    this.parts = new JobParts(epoch, { shard_count, ...(looks === undefined ? {} : { looks }) })
    this.#seen = new ShardSet(shard_count)
    this.rechecked = new ShardSet(shard_count)
    this.#blobs = blobs
    this.#epoch = epoch
  }

  /** Shards that are durable and folded. */
  get folded(): number {
    return this.#aggregate.folded
  }

  /** So many shards have been corrected, as far as is known here. */
  corrected = 0

  /** Shows shards as accepted that this hub has accepted. Each is given once. */
  accept(runs: readonly AcceptedRun[]): void {
    this.parts.show(this.#epoch, runs)
  }

  /** Takes that back: the claim under which they were accepted was over. */
  disown(runs: readonly AcceptedRun[]): void {
    this.parts.show(this.#epoch, runs, -1)
  }

  /** Folds what this hub has made durable; it is shown already. */
  async fold(runs: readonly AcceptedRun[], findings: CheckFindings): Promise<void> {
    this.parts.addFindings(this.#epoch, findings)
    for (const run of runs) await this.#foldRun(this.#epoch, run)
    this.#note()
  }

  /** Which rows of the store are not folded yet. */
  readonly lacks = ({ epoch, seq }: Pick<StoredGroup, 'epoch' | 'seq'>): boolean =>
    epoch !== this.#epoch && this.#rows.get(epoch)?.has(seq) !== true

  /** Folds what others have stored and is not folded yet; one call at a time. */
  collect(
    load: (wants: JobRuntime['lacks']) => AsyncIterable<StoredGroup>,
    see: (row: StoredGroup) => void = () => {},
  ): Promise<void> {
    this.#collecting = this.#collecting
      .catch(() => {})
      .then(async () => {
        for await (const row of load(this.lacks)) {
          await this.#foldRow(row)
          see(row)
        }
      })
    return this.#collecting
  }

  /** Folds a row that another hub, or an earlier life of this one, has stored. */
  async #foldRow({ epoch, seq, is_replacement, runs, findings }: StoredGroup): Promise<void> {
    if (seq === CANARY_SEQ) {
      this.parts.setCanaries(epoch, findings)
      return
    }
    let rows = this.#rows.get(epoch)
    if (rows === undefined) {
      rows = new Set()
      this.#rows.set(epoch, rows)
    }
    if (rows.has(seq)) return
    rows.add(seq)
    this.parts.addFindings(epoch, findings)
    for (const run of runs) {
      if (is_replacement) await this.replace(run, epoch)
      else {
        this.parts.show(epoch, [run])
        await this.#foldRun(epoch, run)
      }
    }
    this.#note()
  }

  /** Puts the referee's leaves in the place of accepted ones: the fold is made again before the result. */
  async replace(run: AcceptedRun, epoch = this.#epoch): Promise<void> {
    let isNew = false
    for (let offset = 0; offset < run.count; offset++) {
      if (this.#replaced.has(run.first + offset)) continue
      isNew = true
      this.corrected++
      this.#replaced.set(run.first + offset, await this.#leafOf(run, offset))
    }
    if (isNew) this.parts.add(epoch, run, true)
  }

  async #foldRun(epoch: number, run: AcceptedRun): Promise<void> {
    this.parts.add(epoch, run, false)
    if (run.method === 'single' && this.job.contract.verify.mode !== 'none')
      for (const { agent, executor } of run.copies) this.#noteSingle({ agent, executor })
    for (let offset = 0; offset < run.count; offset++) {
      const shard = run.first + offset
      // Leaves that are here are not waited for: a promise a shard would cost more than its folding.
      const leaf = run.leaves.at(offset) ?? (await this.#leafOf(run, offset))
      // A row of before replacements were marked replaces what stands before it.
      if (this.#seen.has(shard)) this.#replaced.set(shard, leaf)
      else {
        this.#seen.add(shard)
        this.#aggregate.add(shard, leaf)
      }
    }
  }

  #noteSingle(word: Word): void {
    const key = wordKey(word)
    if (!this.singles.has(key)) this.singles.set(key, word)
  }

  async #leafOf({ first, digests, leaves }: AcceptedRun, offset: number): Promise<Uint8Array> {
    const leaf =
      this.job.plan.leaf.kind === 'inline'
        ? leaves.at(offset)
        : await readBlob(this.#blobs, bytesToHex(digests.subarray(32 * offset, 32 * offset + 32)))
    invariant(leaf !== undefined, `shard ${first + offset} has its leaf`)
    return leaf
  }

  /** The fold without what was replaced, and with what replaced it. */
  async #foldAgain(load: () => AsyncIterable<StoredGroup>): Promise<void> {
    const aggregate = this.job.newAggregate()
    const replaced = new Map(this.#replaced)
    for await (const { runs } of load()) {
      for (const run of runs) {
        for (let offset = 0; offset < run.count; offset++) {
          if (!replaced.has(run.first + offset))
            aggregate.add(run.first + offset, await this.#leafOf(run, offset))
        }
      }
    }
    for (const [shard, leaf] of replaced) aggregate.add(shard, leaf)
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
    this.#refolded = replaced.size
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
   * @throws ForgeError EXECUTOR_FAILED when a wrong result had stopped the job
   * @throws ForgeError INTERNAL when a shard is missing
   */
  async settlement(load: () => AsyncIterable<StoredGroup>): Promise<Settlement> {
    if (this.#replaced.size > this.#refolded) await this.#foldAgain(load)
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
    return this.parts.progress(this.#now(core, 0), this.covered())
  }

  room(state: JobState, core: HubJob | undefined, waiting?: JobWaiting): JobRoom {
    const isStopped = core === undefined && this.#aggregate.covered !== undefined
    return {
      state: core === undefined || state === 'settled' ? state : this.parts.phase(phaseOf(core)),
      waiting: waiting ?? null,
      shard_count: this.job.plan.shard_count,
      progress: this.progress(core),
      grid: this.parts.grid(this.#now(core, 0), isStopped),
      estimates: this.#estimates,
      ...stoppingRoom(this.job, this.#aggregate),
    }
  }

  /** This hub's part, for the others. @param connected agents here that could work for the job */
  part(core: HubJob, connected: number): JobPart | undefined {
    const now = this.#now(core, connected)
    return now && this.parts.own(now)
  }

  #now(core: HubJob | undefined, connected: number): PartNow | undefined {
    if (core === undefined) return undefined
    return {
      in_flight: core.touched_count,
      connected,
      phase: phaseOf(core),
      marks: packMarks(this.#marks(core)),
      waiting: waitingForReferee(core),
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

  /** What is under way here, by cell: what stands last in a cell counts. */
  #marks(core: HubJob): readonly string[] {
    const size = this.parts.shardsPerCell
    const cells: string[] = new Array(this.parts.cellCount).fill('.')
    for (const chunk of core.chunks.values()) {
      for (const run of chunk.runs) {
        const last = Math.floor((run.first + run.count - 1) / size)
        for (let cell = Math.floor(run.first / size); cell <= last; cell++) cells[cell] = markOf(run)
      }
    }
    return cells
  }
}

function phaseOf({ phase }: HubJob): PartNow['phase'] {
  return phase === 'running' || phase === 'planned' ? phase : 'verifying'
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

/** A stored job as the core takes it. */
export function admittedJob(
  row: Pick<JobRow, 'id' | 'owner_id' | 'priority' | 'paused_at' | 'created_at' | 'state'>,
  job: PreparedJob,
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
