import type { AcceptedRun } from '../../kernel/acceptance.ts'
import type { JobRoom, ProgressView } from '../../kernel/api.ts'
import { addFindings, type CheckFindings, NO_FINDINGS } from '../../kernel/verification/job-bound.ts'
import { type JobPart, type PartNow, packCells, sumParts, unpackMarks } from './job-part.ts'
import { lookWindow } from './look-window.ts'
import { ShardTally } from './shard-tally.ts'

const GRID_CELLS = 1024
const OWNER_MARKS = 64
const OWNER_MARK_CHARS = 8

/** What one epoch's rows of a job say, as far as they are folded here. */
class EpochTally {
  /** One for the shards before each look of a job with a target that no earlier one has; else one for all. */
  readonly windows: readonly ShardTally[]
  /** Shards accepted in each cell of the grid. */
  readonly cells: Uint32Array
  findings: CheckFindings = NO_FINDINGS

  constructor(windows: number, cells: number) {
    this.windows = Array.from({ length: windows }, () => new ShardTally())
    this.cells = new Uint32Array(cells)
  }
}

/**
 * The figures of a job: this hub's part exactly, other hubs' as far as their rows are folded here or as they have told
 * them, whichever is further. When the job ends, all rows are folded and all is exact.
 */
export class JobParts {
  readonly #epoch: number
  readonly #shard_count: number
  readonly #looks: readonly number[] | undefined
  readonly #shards_per_cell: number
  readonly #cell_count: number
  readonly #folded = new Map<number, EpochTally>()
  /** What others have told, and whether they are still there. */
  readonly #told = new Map<number, { readonly part: JobPart; isThere: boolean }>()

  constructor(
    epoch: number,
    { shard_count, looks }: { readonly shard_count: number; readonly looks?: readonly number[] },
  ) {
    this.#epoch = epoch
    this.#shard_count = shard_count
    this.#looks = looks
    this.#shards_per_cell = Math.ceil(shard_count / GRID_CELLS)
    this.#cell_count = Math.ceil(shard_count / this.#shards_per_cell)
  }

  #of(epoch: number): EpochTally {
    let tally = this.#folded.get(epoch)
    if (tally === undefined) {
      tally = new EpochTally(this.#looks?.length ?? 1, this.#cell_count)
      this.#folded.set(epoch, tally)
    }
    return tally
  }

  /** Shows shards as accepted in the grid, or takes that back. */
  show(epoch: number, runs: readonly Pick<AcceptedRun, 'first' | 'count'>[], sign: 1 | -1 = 1): void {
    const { cells } = this.#of(epoch)
    for (const { first, count } of runs) {
      for (let shard = first; shard < first + count; ) {
        const cell = Math.floor(shard / this.#shards_per_cell)
        const end = Math.min(first + count, (cell + 1) * this.#shards_per_cell)
        cells[cell] = (cells[cell] ?? 0) + sign * (end - shard)
        shard = end
      }
    }
  }

  add(epoch: number, run: AcceptedRun, isReplacement: boolean): void {
    const tally = this.#of(epoch).windows[lookWindow(this.#looks, run.first)]
    if (isReplacement) tally?.replace(run)
    else tally?.add(run)
  }

  addFindings(epoch: number, findings: CheckFindings): void {
    const tally = this.#of(epoch)
    tally.findings = addFindings(tally.findings, findings)
  }

  /** How many canaries that epoch's agents have answered so far, and how many wrongly. */
  setCanaries(
    epoch: number,
    { canaries, canaries_bad }: Pick<CheckFindings, 'canaries' | 'canaries_bad'>,
  ): void {
    const tally = this.#of(epoch)
    tally.findings = { ...tally.findings, canaries, canaries_bad }
  }

  /** What another hub tells. @param isThere false for what the database keeps of one that has gone */
  hear(epoch: number, part: JobPart, isThere = true): void {
    const known = this.#told.get(epoch)
    // Messages may come out of order; what is accepted only grows.
    if (known === undefined || part.accepted >= known.part.accepted) this.#told.set(epoch, { part, isThere })
    else known.isThere = isThere
  }

  /** Which other hubs are there. @returns whether that changes anything */
  present(epochs: ReadonlySet<number>): boolean {
    let isNew = false
    for (const [epoch, told] of this.#told) {
      if (told.isThere === epochs.has(epoch)) continue
      told.isThere = epochs.has(epoch)
      isNew = true
    }
    return isNew
  }

  /** Agents of other hubs that could work for the job. */
  get connectedElsewhere(): number {
    let connected = 0
    for (const { part, isThere } of this.#told.values()) if (isThere) connected += part.connected
    return connected
  }

  /** This hub's part, to be told to the others. */
  own(now: PartNow): JobPart {
    return this.#part(this.#epoch, now, this.#looks?.length ?? 1)
  }

  #part(epoch: number, now: PartNow | undefined, windows: number): JobPart {
    const { findings, cells, windows: tallies } = this.#of(epoch)
    const counted = tallies.slice(0, windows)
    const sums = ShardTally.sum(counted)
    const ids = new Set(counted.flatMap((tally) => [...tally.owners]))
    const { waiting = 0, ...rest } = now ?? { in_flight: 0, connected: 0, phase: 'planned', marks: '' }
    return {
      ...sums,
      owner_marks: [...ids].slice(0, OWNER_MARKS).map((id) => id.slice(0, OWNER_MARK_CHARS)),
      checks: { ...findings, waiting },
      ...rest,
      cells: packCells(cells),
    }
  }

  /**
   * The parts of all hubs that there are and were: each as it is folded here, or as it was told if that is further.
   * @param now undefined when the job is not worked on any more: then nobody has anything of it under way
   */
  #parts(now: PartNow | undefined, windows: number): readonly JobPart[] {
    const parts: JobPart[] = []
    for (const epoch of new Set([...this.#folded.keys(), ...this.#told.keys(), this.#epoch])) {
      const folded = this.#part(epoch, epoch === this.#epoch ? now : undefined, windows)
      const told = epoch === this.#epoch ? undefined : this.#told.get(epoch)
      if (told === undefined) parts.push(folded)
      else {
        const { part, isThere } = told
        const { in_flight, connected, phase, marks } = part
        const present =
          isThere && now !== undefined
            ? { in_flight, connected, phase, marks }
            : { in_flight: 0, connected: 0, marks: '' }
        parts.push({ ...(part.accepted > folded.accepted ? part : folded), ...present })
      }
    }
    return parts
  }

  /** @param covered shards that the result of a job with a target covers, once known */
  progress(now: PartNow | undefined, covered: number | null): ProgressView {
    const windows = this.#looks?.filter((end) => covered === null || end <= covered).length ?? 1
    const { owners, ...sums } = sumParts(this.#parts(now, windows))
    const folded = [...this.#folded.values()]
    const surplus = folded.flatMap(({ windows: all }) => all.slice(windows))
    return {
      ...sums,
      owners: Math.max(owners, exactOwners(folded, windows)),
      ...(this.#looks === undefined ? {} : { surplus: surplus.reduce((sum, { shards }) => sum + shards, 0) }),
    }
  }

  /** Running as soon as one hub has untouched shards. */
  phase(own: PartNow['phase']): PartNow['phase'] {
    for (const { part, isThere } of this.#told.values())
      if (isThere && part.phase === 'running') return 'running'
    return own
  }

  /** A cell is accepted when all its shards are; otherwise it shows what somebody does with it. */
  grid(now: PartNow | undefined, isStopped: boolean): JobRoom['grid'] {
    const accepted = new Uint32Array(this.#cell_count)
    const cells: string[] = new Array(this.#cell_count).fill('.')
    for (const part of this.#parts(now, this.#looks?.length ?? 1)) {
      for (const [first, count, shards] of part.cells)
        for (let cell = first; cell < first + count; cell++) accepted[cell] = (accepted[cell] ?? 0) + shards
      unpackMarks(part.marks, (cell, what) => {
        if (cell < cells.length) cells[cell] = what
      })
    }
    for (const cell of cells.keys()) {
      const size = Math.min(this.#shards_per_cell, this.#shard_count - cell * this.#shards_per_cell)
      if ((accepted[cell] ?? 0) >= size || isStopped) cells[cell] = 'a'
    }
    return { shards_per_cell: this.#shards_per_cell, cells: cells.join('') }
  }

  get shardsPerCell(): number {
    return this.#shards_per_cell
  }

  get cellCount(): number {
    return this.#cell_count
  }
}

/** Distinct owners in what is folded here. */
function exactOwners(tallies: readonly EpochTally[], windows: number): number {
  const owners = new Set<string>()
  for (const { windows: all } of tallies)
    for (const tally of all.slice(0, windows)) for (const owner of tally.owners) owners.add(owner)
  return owners.size
}
