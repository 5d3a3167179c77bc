import { z } from 'zod'
import { LIMITS } from '../../limits.ts'

/** Points of one shard: a plan constant. */
export const SHARD_POINTS = 1 << 22

export const piArgs = z.strictObject({
  points: z
    .int()
    .min(1)
    .max(SHARD_POINTS * LIMITS.shards)
    .meta({
      title: 'Points',
      description: 'Random points in the unit square. Four times as many halve the standard error.',
      unit: 'points',
    }),
})

export type PiArgs = z.infer<typeof piArgs>
