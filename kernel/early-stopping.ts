import { z } from 'zod'
import { canonicalJson, type Json } from './canonical.ts'
import { type HexDigest, sha256Hex } from './digest.ts'
import { ForgeError } from './errors.ts'

/**
 * Early stopping. A contract of a probabilistic op may name a target, a maximum (its number of samples) and a schedule of
 * looks. The job then ends at the first look whose estimate meets the target. Whether a look stops is a pure function of
 * the fold of all shards before it, so the stopping point replays like the result: no agent, load or order of arrival
 * shows in it.
 */

/** Outcomes of each kind that a look needs before its interval may be trusted. */
export const LEAST_OUTCOMES = 100

/** Paths of the first look at least, where an op has no reason for another number. */
export const FIRST_LOOK = 65_536

/** Bounds the number of looks: a factor below 1.25 could look at almost every shard. */
const GROWTH = { least: 1.25, most: 16, usual: 2 } as const

const target = z
  .strictObject({
    standard_error: z.number().min(1e-12).max(1e12).exactOptional().meta({
      title: 'Standard error',
      description: 'The largest standard error to stop at, in the unit of the estimate.',
    }),
    relative_error: z.number().min(1e-6).max(0.5).exactOptional().meta({
      title: 'Relative error',
      description: 'The largest standard error to stop at, as a share of the estimate; 0.001 is 0.1 %.',
    }),
  })
  .refine(
    (named) => named.standard_error !== undefined || named.relative_error !== undefined,
    'give standard_error, relative_error or both',
  )

/**
 * `args.convergence`. It is optional and has no default, so that a contract without it keeps its bytes.
 * @param least samples of the first look at least
 */
export function earlyStoppingArgs(least: number) {
  return z
    .strictObject({
      target: target.meta({
        title: 'Target',
        description: 'Where both errors are given, both must be reached.',
      }),
      schedule: z
        .strictObject({
          first: z
            .int()
            .min(least)
            .max(2 ** 40)
            .default(least)
            .meta({
              title: 'First look',
              description: 'Samples before the first look.',
              unit: 'samples',
            }),
          growth: z.number().min(GROWTH.least).max(GROWTH.most).default(GROWTH.usual).meta({
            title: 'Growth',
            description: 'Each look comes at so many times the samples of the one before.',
          }),
        })
        .prefault({}),
    })
    .meta({
      title: 'Stop early',
      description:
        'Ends the job at the first look of the schedule whose standard error meets the target; without it every sample is computed.',
    })
}

export type EarlyStopping = z.infer<ReturnType<typeof earlyStoppingArgs>>

/**
 * Where the looks are, in shards from the plan's first: whole shards, strictly ascending, the last one all of them.
 * Products in IEEE double, one after the other.
 */
export function lookSchedule(
  { first, growth }: EarlyStopping['schedule'],
  shardSamples: number,
  shardCount: number,
): readonly number[] {
  const looks: number[] = []
  for (let samples = first; ; samples *= growth) {
    const shards = Math.ceil(samples / shardSamples)
    if (shards >= shardCount) break
    if (shards > (looks.at(-1) ?? 0)) looks.push(shards)
  }
  return [...looks, shardCount]
}

/** What was seen at a look. */
export const lookSchema = z.strictObject({
  /** Shards before the look. */
  shards: z.int(),
  samples: z.int(),
  value: z.number(),
  standard_error: z.number(),
  /** Whether every kind of outcome has occurred LEAST_OUTCOMES times. */
  enough_outcomes: z.boolean(),
  target_met: z.boolean(),
  /** SHA-256 of the fold of the shards before the look: see `foldDigest`. */
  fold: z.string(),
})
export type Look = z.infer<typeof lookSchema>

/** How a job with a target ended; part of its result. */
export const stoppingSchema = z.strictObject({
  reason: z.enum(['target', 'maximum']),
  /** Shards that the result covers, from the first. */
  shards: z.int(),
  samples: z.int(),
  maximum_shards: z.int(),
  /** All looks up to the end; the interval at the last is a sequential one. */
  looks: z.array(lookSchema),
})
export type Stopping = z.infer<typeof stoppingSchema>

/** A job with a target while it runs. */
export const stoppingRoomSchema = z.object({
  target: z.object({
    standard_error: z.number().exactOptional(),
    relative_error: z.number().exactOptional(),
  }),
  /** Where the looks are, in shards. */
  schedule: z.array(z.int()).max(1000),
  /** Those that have been. */
  looks: z.array(z.object(lookSchema.shape)).max(1000),
  /** Shards that the result covers, once known. */
  covered: z.int().nullable(),
})
export type StoppingRoom = z.infer<typeof stoppingRoomSchema>

/** What a watcher sees of a job's looks; nothing of a job without a target. */
export function stoppingRoom(
  job: {
    readonly target: EarlyStopping['target'] | undefined
    readonly plan: { readonly looks?: readonly number[] }
  },
  folded: { readonly looks: readonly Look[]; readonly covered: number | undefined },
): { readonly stopping?: StoppingRoom } {
  const { target, plan } = job
  if (target === undefined) return {}
  return {
    stopping: {
      target,
      schedule: [...(plan.looks ?? [])],
      looks: [...folded.looks],
      covered: folded.covered ?? null,
    },
  }
}

/** Whether an estimate meets the target: comparisons of doubles, after one product. */
export function meetsTarget(
  target: EarlyStopping['target'],
  estimate: { readonly value: number; readonly standard_error: number },
): boolean {
  const { standard_error, relative_error } = target
  return (
    (standard_error === undefined || estimate.standard_error <= standard_error) &&
    (relative_error === undefined || estimate.standard_error <= relative_error * Math.abs(estimate.value))
  )
}

/** Whether the job ends at this look: the target is met on enough outcomes. */
export function stopsAt(look: Look): boolean {
  return look.enough_outcomes && look.target_met
}

/** The target in words: `standard error at most 0.01`. */
export function targetWords({ standard_error, relative_error }: EarlyStopping['target']): string {
  const parts: string[] = []
  if (standard_error !== undefined) parts.push(`standard error at most ${standard_error}`)
  if (relative_error !== undefined)
    parts.push(`${parts.length > 0 ? 'and' : 'standard error'} at most ${relative_error} of the estimate`)
  return parts.join(' ')
}

/**
 * SHA-256 of the canonical form of a fold: its fields by name, counts as numbers, big integers as decimal strings, bins as
 * lists.
 */
export function foldDigest(fold: unknown): HexDigest {
  return sha256Hex(canonicalJson(plain(fold)))
}

function plain(value: unknown): Json {
  switch (typeof value) {
    case 'bigint':
      return value.toString()
    case 'number':
    case 'string':
    case 'boolean':
      return value
    case 'object': {
      if (value === null) return null
      if (Array.isArray(value)) return value.map(plain)
      if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array, plain)
      return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
    }
    default:
      throw new ForgeError('INTERNAL', `a fold holds a ${typeof value}`)
  }
}
