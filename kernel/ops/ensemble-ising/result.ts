import { z } from 'zod'
import { invariant } from '../../errors.ts'
import { divideRound, expQ, fixedToNumber, lnQ, ratioToNumber, toFixedQ } from '../../numerics/bigmath.ts'
import { interval95 } from '../../numerics/interval.ts'
import { limbsToBigInt } from '../../numerics/limbs.ts'
import { bytesToWords } from '../../numerics/words.ts'
import type { Convergence, Estimate, Fold } from '../op.ts'
import { shardSamples } from '../samples.ts'
import type { IsingArgs } from './args.ts'
import { type IsingConstants, type IsingPlan, LEAF_WORDS, MAGNETISATION_BINS } from './plan.ts'

/** Exact sums over measurements, and over replicas of the squares of their sums. */
export interface IsingSum {
  replicas: number
  measurements: number
  alike: bigint
  alikeSquares: bigint
  magnetisation: bigint
  squares: bigint
  fourths: bigint
  replicaAlike: bigint
  replicaMagnetisation: bigint
  readonly bins: Float64Array
}

const SUMS = [
  'alike',
  'alikeSquares',
  'magnetisation',
  'squares',
  'fourths',
  'replicaAlike',
  'replicaMagnetisation',
] as const

function emptySum(): IsingSum {
  return {
    replicas: 0,
    measurements: 0,
    alike: 0n,
    alikeSquares: 0n,
    magnetisation: 0n,
    squares: 0n,
    fourths: 0n,
    replicaAlike: 0n,
    replicaMagnetisation: 0n,
    bins: new Float64Array(MAGNETISATION_BINS),
  }
}

function readLeaf(bytes: Uint8Array): IsingSum {
  const words = bytesToWords(bytes)
  invariant(words.length === LEAF_WORDS, `a leaf of ${LEAF_WORDS} words`)
  const sum = emptySum()
  sum.replicas = words[0] as number
  sum.measurements = words[1] as number
  for (const [index, name] of SUMS.entries()) sum[name] = limbsToBigInt(words, 4 + 4 * index, 4)
  sum.bins.set(words.subarray(32))
  return sum
}

function merge(sum: IsingSum, part: IsingSum): void {
  sum.replicas += part.replicas
  sum.measurements += part.measurements
  for (const name of SUMS) sum[name] += part[name]
  for (let bin = 0; bin < MAGNETISATION_BINS; bin++)
    sum.bins[bin] = (sum.bins[bin] as number) + (part.bins[bin] as number)
}

export const isingFold: Fold<IsingArgs, IsingConstants, IsingSum> = {
  empty: emptySum,
  add: (sum, _shard, leaf) => merge(sum, readLeaf(leaf)),
  merge,
}

/**
 * What every correct leaf satisfies: its shard's replicas and measurements, all of them in bins, moments of A and M within
 * the lattice's bounds and in Cauchy-Schwarz, over measurements and over replicas.
 */
export function checkIsingLeaf(plan: IsingPlan, shard: number, bytes: Uint8Array): string | undefined {
  if (bytes.length !== 4 * LEAF_WORDS) return `a leaf of ${bytes.length} bytes instead of ${4 * LEAF_WORDS}`
  const leaf = readLeaf(bytes)
  const c = plan.constants
  const expected = shardSamples(plan, shard)
  if (leaf.replicas !== expected) return `${leaf.replicas} replicas instead of ${expected}`
  if (leaf.measurements !== expected * c.measurements)
    return `${leaf.measurements} measurements instead of ${expected * c.measurements}`
  const words = bytesToWords(bytes)
  if (words[2] !== 0 || words[3] !== 0) return 'words that must be zero are not'
  const counted = leaf.bins.reduce((sum, count) => sum + count, 0)
  if (counted !== leaf.measurements) return `${counted} measurements in bins instead of ${leaf.measurements}`
  const n = BigInt(leaf.measurements)
  const replicas = BigInt(leaf.replicas)
  const sites = BigInt(c.size * c.size)
  if (leaf.alike > n * 2n * sites) return 'a sum of alike neighbours out of bounds'
  if (leaf.alike * leaf.alike > n * leaf.alikeSquares || leaf.alikeSquares > leaf.alike * 2n * sites)
    return 'moments of alike neighbours out of bounds'
  if (leaf.magnetisation > n * sites) return 'a sum of magnetisations out of bounds'
  if (leaf.magnetisation * leaf.magnetisation > n * leaf.squares || leaf.squares > leaf.magnetisation * sites)
    return 'second moments of the magnetisation out of bounds'
  if (leaf.squares * leaf.squares > n * leaf.fourths || leaf.fourths > leaf.squares * sites * sites)
    return 'fourth moments of the magnetisation out of bounds'
  for (const [sum, squares] of [
    [leaf.alike, leaf.replicaAlike],
    [leaf.magnetisation, leaf.replicaMagnetisation],
  ] as const) {
    if (sum * sum > replicas * squares || squares > sum * sum) return 'sums of replicas out of bounds'
  }
  return undefined
}

/** Mean over replicas of a quantity whose sum over a replica is S, with S in units of 1 / scale; its standard error. */
function overReplicas(sum: bigint, squares: bigint, replicas: number, scale: bigint) {
  const r = BigInt(replicas)
  return {
    value: ratioToNumber(sum, r * scale),
    standard_error: Math.sqrt(ratioToNumber(r * squares - sum * sum, r * r * (r - 1n) * scale * scale)),
  }
}

/** Mean |magnetisation| per site; its standard error from the independent replicas. */
export function estimateIsing(plan: IsingPlan, sum: IsingSum): Estimate | undefined {
  if (sum.replicas < 2) return undefined
  const scale = BigInt(plan.constants.measurements * plan.constants.size * plan.constants.size)
  return {
    samples: sum.replicas,
    ...overReplicas(sum.magnetisation, sum.replicaMagnetisation, sum.replicas, scale),
  }
}

const P = 128

/**
 * Spontaneous magnetisation of the infinite lattice: (1 - sinh(2 J / T)^-4)^(1/8) where it orders, else 0. Source: Yang,
 * "The spontaneous magnetization of a two-dimensional Ising model", Phys. Rev. 85 (1952), after Onsager.
 */
export function spontaneousMagnetisation(temperature: number): number {
  const beta2 = divideRound(2n << BigInt(2 * P), toFixedQ(temperature, P))
  const sinh = (expQ(beta2, P) - expQ(-beta2, P)) / 2n
  const one = 1n << BigInt(P)
  if (sinh <= one) return 0
  const inverse = (one << BigInt(P)) / sinh
  const square = (inverse * inverse) >> BigInt(P)
  const inner = one - ((square * square) >> BigInt(P))
  if (inner <= 0n) return 0
  return fixedToNumber(expQ(lnQ(inner, P) / 8n, P), P)
}

export const isingResult = z.strictObject({
  /** Mean |M| per site. */
  magnetisation: z.number(),
  standard_error: z.number(),
  interval_95: z.strictObject({ low: z.number(), high: z.number() }),
  /** Mean energy per site in units of J. */
  energy: z.number(),
  energy_error: z.number(),
  /** Heat capacity per site in units of k. */
  heat_capacity: z.number(),
  /** (mean M^2 - (mean |M|)^2) / (sites T). */
  susceptibility: z.number(),
  /** 1 - mean M^4 / (3 (mean M^2)^2): 2/3 in order, 0 in disorder. */
  binder_cumulant: z.number(),
  /** Of the infinite lattice. */
  infinite_magnetisation: z.number(),
  replicas: z.int(),
  measurements: z.int(),
  /** Of the magnetisation per site over all measurements. */
  histogram: z.strictObject({ edges: z.array(z.number()), counts: z.array(z.int()) }),
  convergence: z.array(
    z.strictObject({ shards: z.int(), samples: z.int(), value: z.number(), standard_error: z.number() }),
  ),
})

export type IsingResult = z.infer<typeof isingResult>

/** The result: exact sums, one rounding a number, IEEE operations after that. */
export function reduceIsing(
  args: IsingArgs,
  plan: IsingPlan,
  sum: IsingSum,
  convergence: Convergence,
): IsingResult {
  const estimate = estimateIsing(plan, sum)
  invariant(estimate !== undefined, 'a result over at least two replicas')
  const c = plan.constants
  const sites = c.size * c.size
  const n = BigInt(sum.measurements)
  // E = 2 sites - 2 A in units of J: of n A values a variance four times theirs.
  const alike = overReplicas(sum.alike, sum.replicaAlike, sum.replicas, BigInt(c.measurements * sites))
  const alikeVariance = ratioToNumber(n * sum.alikeSquares - sum.alike * sum.alike, n * n)
  const magnetisationVariance = ratioToNumber(n * sum.squares - sum.magnetisation * sum.magnetisation, n * n)
  const t = args.temperature
  // The bins that M + sites in 0 .. 2 sites reaches; the last one holds its upper end too.
  const used = Math.min(((2 * sites) >> c.bin_shift) + (c.bin_shift === 0 ? 1 : 0), MAGNETISATION_BINS)
  return {
    magnetisation: estimate.value,
    standard_error: estimate.standard_error,
    interval_95: interval95(estimate.value, estimate.standard_error),
    energy: 2 - 2 * alike.value,
    energy_error: 2 * alike.standard_error,
    heat_capacity: (4 * alikeVariance) / (t * t * sites),
    susceptibility: magnetisationVariance / (t * sites),
    binder_cumulant:
      sum.squares === 0n ? 0 : 1 - ratioToNumber(n * sum.fourths, 3n * sum.squares * sum.squares),
    infinite_magnetisation: spontaneousMagnetisation(t),
    replicas: sum.replicas,
    measurements: sum.measurements,
    histogram: {
      edges: Array.from({ length: used + 1 }, (_, bin) => (bin * 2 ** c.bin_shift - sites) / sites),
      counts: Array.from(sum.bins.subarray(0, used)),
    },
    convergence: convergence.map((point) => ({ ...point })),
  }
}
