import { z } from 'zod'
import {
  type JobRoom,
  type JobState,
  jobListItem,
  jobStateSchema,
  jobWaiting,
  type NetworkRoom,
  networkView,
  progressView,
} from '../../kernel/api.ts'
import { stoppingRoomSchema } from '../../kernel/early-stopping.ts'

/** The live rooms as they arrive over the wire. */
const GRID_CELLS_MAX = 1024
const ESTIMATES_MAX = 1000
const RECENT_JOBS_MAX = 200

export const jobRoom = z.object({
  state: jobStateSchema,
  shard_count: z.int(),
  progress: progressView,
  grid: z.object({ shards_per_cell: z.int().min(1), cells: z.string().max(GRID_CELLS_MAX) }),
  estimates: z
    .array(z.object({ shards: z.int(), value: z.number(), standard_error: z.number() }))
    .max(ESTIMATES_MAX),
  waiting: jobWaiting.nullish(),
  stopping: stoppingRoomSchema.optional(),
}) satisfies z.ZodType<JobRoom>

export const networkRoom = z.object({
  stats: networkView,
  recent: z.array(jobListItem).max(RECENT_JOBS_MAX),
}) satisfies z.ZodType<NetworkRoom>

const FINAL: ReadonlySet<JobState> = new Set(['settled', 'failed', 'cancelled', 'expired'])

export function isFinal(value: JobState): boolean {
  return FINAL.has(value)
}
