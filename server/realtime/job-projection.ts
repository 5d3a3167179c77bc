import { type AcceptedRun, acceptedShard } from '../../kernel/acceptance.ts'
import type { JobRoom } from '../../kernel/api.ts'
import { stoppingRoom } from '../../kernel/early-stopping.ts'
import type { OpRegistry, PreparedJob } from '../../kernel/job.ts'
import { NO_PROGRESS } from '../core/job-view.ts'
import type { JobRow } from '../memory/ports/jobs.ts'
import type { ResultStore } from '../memory/ports/results.ts'
import { ROOM_LIMITS } from './limits.ts'

/** The room of a job that no hub runs (any more), from the database alone. */
export async function projectJob(
  row: JobRow,
  results: Pick<ResultStore, 'load'>,
  ops: OpRegistry,
): Promise<JobRoom> {
  const shown = {
    state: row.state,
    shard_count: row.shard_count,
    progress: row.progress ?? NO_PROGRESS,
  }
  if (row.shard_count > ROOM_LIMITS.replay_shards) {
    const accepted = row.state === 'settled' ? (row.covered_shards ?? row.shard_count) : 0
    return { ...shown, grid: uniformGrid(row.shard_count, accepted), estimates: [] }
  }
  const grid = new Grid(row.shard_count)
  const estimates = new EstimateReplay(row, ops)
  for await (const { runs } of results.load(row.replay_of ?? row.id)) {
    for (const run of runs) {
      grid.accept(run)
      estimates.add(run)
    }
  }
  return { ...shown, grid: grid.view(), estimates: estimates.points, ...estimates.stopping() }
}

function cellSize(shardCount: number): number {
  return Math.ceil(shardCount / ROOM_LIMITS.grid_cells)
}

/** The first shards accepted, the others untouched. */
function uniformGrid(shardCount: number, accepted: number): JobRoom['grid'] {
  const shards_per_cell = cellSize(shardCount)
  const cells = Math.ceil(shardCount / shards_per_cell)
  const full = accepted === shardCount ? cells : Math.floor(accepted / shards_per_cell)
  return { shards_per_cell, cells: 'a'.repeat(full) + '.'.repeat(cells - full) }
}

/** Counts accepted shards a cell: a cell is accepted when all its shards are. */
class Grid {
  readonly #shardCount: number
  readonly #size: number
  readonly #missing: number[]

  constructor(shardCount: number) {
    this.#shardCount = shardCount
    this.#size = cellSize(shardCount)
    const cells = Math.ceil(shardCount / this.#size)
    this.#missing = Array.from({ length: cells }, (_, cell) =>
      Math.min(this.#size, this.#shardCount - cell * this.#size),
    )
  }

  accept({ first, count }: AcceptedRun): void {
    for (let shard = first; shard < first + count; shard++) {
      const cell = Math.floor(shard / this.#size)
      this.#missing[cell] = (this.#missing[cell] ?? 0) - 1
    }
  }

  view(): JobRoom['grid'] {
    return {
      shards_per_cell: this.#size,
      cells: this.#missing.map((missing) => (missing <= 0 ? 'a' : '.')).join(''),
    }
  }
}

/** The running estimates in the order in which shards were accepted, as watchers saw them. */
class EstimateReplay {
  readonly points: { shards: number; value: number; standard_error: number }[] = []
  readonly #aggregate
  readonly #every: number
  readonly #job: PreparedJob

  constructor(row: JobRow, ops: OpRegistry) {
    const job = ops.prepare(JSON.parse(row.canonical))
    this.#job = job
    // Ops whose leaves are blobs fold tiles; they have no running estimate.
    this.#aggregate = job.plan.leaf.kind === 'inline' ? job.newAggregate() : undefined
    this.#every = Math.ceil(row.shard_count / ROOM_LIMITS.estimate_points)
  }

  stopping(): Pick<JobRoom, 'stopping'> {
    return this.#aggregate === undefined ? {} : stoppingRoom(this.#job, this.#aggregate)
  }

  add(run: AcceptedRun): void {
    for (let offset = 0; offset < run.count; offset++) this.#addShard(run, offset)
  }

  #addShard(run: AcceptedRun, offset: number): void {
    if (this.#aggregate === undefined) return
    const { shard, leaf } = acceptedShard(run, offset)
    const before = this.#aggregate.folded
    this.#aggregate.add(shard, leaf)
    if (this.#aggregate.folded <= before) return
    if (this.#aggregate.folded % this.#every !== 0) return
    const estimate = this.#aggregate.estimate()
    if (estimate === undefined) return
    this.points.push({
      shards: this.#aggregate.folded,
      value: estimate.value,
      standard_error: estimate.standard_error,
    })
  }
}
