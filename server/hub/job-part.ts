import { z } from 'zod'
import { ACCEPT_METHODS, byMethod } from '../../kernel/acceptance.ts'
import { executorCounts, type ProgressView, progressView } from '../../kernel/api.ts'
import { NO_FINDINGS } from '../../kernel/verification/job-bound.ts'

/**
 * One hub's part in a job, as it tells it to the others: sums for the job's page, never for a decision about a result or
 * money. `in_flight`, `connected`, `phase` and `marks` count only as long as the hub is there.
 */
export const jobPart = z.object({
  accepted: z.int(),
  copies: z.int(),
  by_executor: executorCounts,
  by_method: progressView.shape.by_method,
  /** Owners of accepted copies: how many, and the beginnings of the ids of some, so that few are counted exactly. */
  owners: z.int(),
  owner_marks: z.array(z.string().max(8)).max(64),
  checks: z.object({
    audits: z.int(),
    audits_bad: z.int(),
    doubt_single: z.number(),
    doubt_agreed: z.number(),
    canaries: z.int(),
    canaries_bad: z.int(),
    waiting: z.int(),
  }),
  in_flight: z.int(),
  /** Agents connected there that could work for the job; what they may count towards is `min_agents`. */
  connected: z.int(),
  phase: z.enum(['planned', 'running', 'verifying']),
  /** Accepted shards by cell of the grid: first cell, how many cells, shards accepted in each. */
  cells: z.array(z.tuple([z.int().min(0), z.int().min(1).max(1024), z.int().min(1)])).max(1024),
  /** What is under way, a character a cell with its repetitions before it: `12.3l1d`. */
  marks: z.string().max(8192),
})
export type JobPart = z.infer<typeof jobPart>

/** What a hub adds to its accepted shards. */
export type PartNow = Pick<JobPart, 'in_flight' | 'connected' | 'phase' | 'marks'> & {
  readonly waiting: number
}

export function packCells(cells: Uint32Array): JobPart['cells'] {
  const packed: [number, number, number][] = []
  for (const [cell, accepted] of cells.entries()) {
    if (accepted === 0) continue
    const last = packed.at(-1)
    if (last !== undefined && last[0] + last[1] === cell && last[2] === accepted) last[1]++
    else packed.push([cell, 1, accepted])
  }
  return packed
}

export function packMarks(marks: readonly string[]): string {
  let packed = ''
  for (let at = 0; at < marks.length; ) {
    let end = at + 1
    while (end < marks.length && marks[end] === marks[at]) end++
    packed += `${end - at}${marks[at]}`
    at = end
  }
  return packed
}

/** Calls `mark` for each cell that is not untouched. */
export function unpackMarks(packed: string, mark: (cell: number, what: string) => void): void {
  let cell = 0
  for (const [, times = '1', what = '.'] of packed.matchAll(/(\d{1,4})([.lrd])/g)) {
    for (let left = Number(times); left > 0; left--, cell++) if (what !== '.') mark(cell, what)
  }
}

const CHECKS = [
  'audits',
  'audits_bad',
  'doubt_single',
  'doubt_agreed',
  'canaries',
  'canaries_bad',
  'waiting',
] as const

/** Sums of parts, the owners of which are told apart by the beginnings of their ids as far as those are known. */
export function sumParts(parts: readonly JobPart[]): Omit<ProgressView, 'surplus'> {
  const sum: Omit<ProgressView, 'surplus'> = {
    accepted: 0,
    in_flight: 0,
    copies: 0,
    by_executor: { webgpu: 0, wasm: 0, cpu: 0 },
    by_method: byMethod(0),
    owners: 0,
    checks: { ...NO_FINDINGS, waiting: 0 },
  }
  const marks = new Set<string>()
  for (const part of parts) {
    for (const what of ['accepted', 'in_flight', 'copies'] as const) sum[what] += part[what]
    for (const kind of ['webgpu', 'wasm', 'cpu'] as const) sum.by_executor[kind] += part.by_executor[kind]
    for (const method of ACCEPT_METHODS) sum.by_method[method] += part.by_method[method]
    for (const what of CHECKS) sum.checks[what] += part.checks[what]
    for (const mark of part.owner_marks) marks.add(mark)
    sum.owners += part.owners - part.owner_marks.length
  }
  sum.owners += marks.size
  return sum
}
