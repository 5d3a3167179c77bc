import { z } from 'zod'
import type {
  JobListItem,
  JobRoom,
  JobState,
  NetworkRoom,
  NetworkView,
  ProgressView,
} from '../../kernel/api.ts'

/**
 * Schemas of the live rooms as they arrive over the wire. `server/` is imported for its types only, so the shapes
 * stand here a second time; the `satisfies` clauses fail the type check when the two differ.
 */
const state = z.enum([
  'submitted',
  'planned',
  'running',
  'verifying',
  'settled',
  'failed',
  'cancelled',
  'expired',
]) satisfies z.ZodType<JobState>

const executorCounts = z.object({ webgpu: z.number(), wasm: z.number(), cpu: z.number() })

const progress = z.object({
  accepted: z.number(),
  in_flight: z.number(),
  copies: z.number(),
  by_executor: executorCounts,
  by_method: z.object({ single: z.number(), quorum: z.number(), referee: z.number() }),
  owners: z.number(),
}) satisfies z.ZodType<ProgressView>

const listItem = z.object({
  id: z.string(),
  op: z.string(),
  state,
  shard_count: z.number(),
  accepted: z.number(),
  created_at: z.string(),
  finished_at: z.string().nullable(),
  headline: z.string().nullable(),
}) satisfies z.ZodType<JobListItem>

const stats = z.object({
  agents: z.number(),
  owners: z.number(),
  agents_by_executor: executorCounts,
  jobs_running: z.number(),
  jobs_settled: z.number(),
  shards_accepted: z.number(),
  shards_per_s: z.number(),
  house_agent: z.boolean(),
}) satisfies z.ZodType<NetworkView>

const GRID_CELLS_MAX = 1024

export const jobRoom = z.object({
  state,
  shard_count: z.number(),
  progress,
  grid: z.object({ shards_per_cell: z.number().min(1), cells: z.string().max(GRID_CELLS_MAX) }),
  estimates: z
    .array(z.object({ shards: z.number(), value: z.number(), standard_error: z.number() }))
    .max(1000),
}) satisfies z.ZodType<JobRoom>

export const networkRoom = z.object({
  stats,
  recent: z.array(listItem).max(200),
}) satisfies z.ZodType<NetworkRoom>

const FINAL: ReadonlySet<JobState> = new Set(['settled', 'failed', 'cancelled', 'expired'])

export function isFinal(value: JobState): boolean {
  return FINAL.has(value)
}
