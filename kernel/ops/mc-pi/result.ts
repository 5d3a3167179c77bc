import { z } from 'zod'
import { fixedToNumber, piQ } from '../../numerics/bigmath.ts'
import { interval95, Z_95 } from '../../numerics/interval.ts'
import { bytesToWords } from '../../numerics/words.ts'
import type { Convergence, Estimate, Fold, Summary } from '../op.ts'
import type { PiArgs } from './args.ts'
import { LEAF_WORDS, type PiConstants, type PiPlan, shardPoints } from './plan.ts'

const PI = fixedToNumber(piQ(64), 64)

/** Counts below 2^46: exact in a number. */
export interface PiAggregate {
  points: number
  inside: number
}

export const piFold: Fold<PiArgs, PiConstants, PiAggregate> = {
  empty: () => ({ points: 0, inside: 0 }),
  add(aggregate, _shard, leaf) {
    const words = bytesToWords(leaf)
    aggregate.points += words[0] as number
    aggregate.inside += words[1] as number
  },
  merge(aggregate, other) {
    aggregate.points += other.points
    aggregate.inside += other.inside
  },
}

/** Every correct leaf has its shard's number of points, no more inside than there are, and zeros after them. */
export function checkPiLeaf(plan: PiPlan, shard: number, leaf: Uint8Array): string | undefined {
  if (leaf.length !== 4 * LEAF_WORDS) return `a leaf of ${leaf.length} bytes instead of ${4 * LEAF_WORDS}`
  const [points, inside, ...rest] = bytesToWords(leaf) as unknown as [number, number, ...number[]]
  const expected = shardPoints(plan, shard)
  if (points !== expected) return `${points} points instead of ${expected}`
  if (inside > points) return `${inside} of ${points} points inside`
  if (rest.some((word) => word !== 0)) return 'words that must be zero are not'
  return undefined
}

/** pi = 4 p and its binomial standard error 4 sqrt(p (1 - p) / n), in doubles in this order. */
export function estimatePi(aggregate: PiAggregate): Estimate | undefined {
  const { points, inside } = aggregate
  if (points === 0) return undefined
  const p = inside / points
  return { samples: points, value: 4 * p, standard_error: 4 * Math.sqrt((p * (1 - p)) / points) }
}

const estimateSchema = z.strictObject({
  shards: z.int(),
  samples: z.int(),
  value: z.number(),
  standard_error: z.number(),
})

export const piResult = z.strictObject({
  pi: z.number(),
  standard_error: z.number(),
  interval_95: z.strictObject({ low: z.number(), high: z.number() }),
  points: z.int(),
  inside: z.int(),
  convergence: z.array(estimateSchema),
})

export type PiResult = z.infer<typeof piResult>

export function reducePi(aggregate: PiAggregate, convergence: Convergence): PiResult {
  const estimate = estimatePi(aggregate) ?? { value: 0, standard_error: 0 }
  return {
    pi: estimate.value,
    standard_error: estimate.standard_error,
    interval_95: interval95(estimate.value, estimate.standard_error),
    points: aggregate.points,
    inside: aggregate.inside,
    convergence: convergence.map((point) => ({ ...point })),
  }
}

export function summarisePi(result: PiResult): Summary {
  const distance = result.pi - PI
  return {
    headline: { label: 'Estimate of π', value: result.pi, plus_minus: Z_95 * result.standard_error },
    figures: [
      { label: 'Points', value: result.points, unit: 'points' },
      { label: 'Inside the quarter circle', value: result.inside, unit: 'points' },
      { label: 'Standard error', value: result.standard_error },
      {
        label: 'Distance from π',
        value: result.standard_error > 0 ? distance / result.standard_error : distance,
        ...(result.standard_error > 0 ? { unit: 'standard errors' } : {}),
        note: 'Within two standard errors in 95 of 100 runs.',
      },
    ],
    charts: [
      {
        kind: 'band',
        title: 'Convergence with its 95 % interval',
        x: { label: 'Points', unit: 'points' },
        y: { label: 'Estimate of π' },
        points: result.convergence.map(({ samples, value, standard_error }) => ({
          x: samples,
          y: value,
          ...interval95(value, standard_error),
        })),
        reference: { label: 'π', y: PI },
      },
    ],
    notes: ['Coordinates are multiples of 2^-32; that grid moves the estimate by about 1e-9.'],
  }
}
