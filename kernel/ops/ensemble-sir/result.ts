import { z } from 'zod'
import { invariant } from '../../errors.ts'
import { ratioToNumber } from '../../numerics/bigmath.ts'
import { interval95 } from '../../numerics/interval.ts'
import { limbsToBigInt } from '../../numerics/limbs.ts'
import { bytesToWords } from '../../numerics/words.ts'
import { checkFan, emptyFan, FAN_TIMES, type FanSum, fanQuantile, mergeFan, readFan } from '../fan.ts'
import type { Convergence, Estimate, Fold } from '../op.ts'
import { shardSamples } from '../samples.ts'
import type { SirArgs } from './args.ts'
import { LEAF_WORDS, type SirConstants, type SirPlan, spreadEdge } from './plan.ts'

/** Exact sums over runs. */
export interface SirSum {
  runs: number
  outbreaks: number
  largestPeak: number
  infected: bigint
  infectedSquares: bigint
  peaks: bigint
  peakSquares: bigint
  peakSteps: bigint
  readonly fan: FanSum
}

function readLeaf(bytes: Uint8Array): SirSum {
  const words = bytesToWords(bytes)
  invariant(words.length === LEAF_WORDS, `a leaf of ${LEAF_WORDS} words`)
  return {
    runs: words[0] as number,
    outbreaks: words[1] as number,
    largestPeak: words[2] as number,
    infected: limbsToBigInt(words, 4, 2),
    infectedSquares: limbsToBigInt(words, 6, 3),
    peaks: limbsToBigInt(words, 9, 2),
    peakSquares: limbsToBigInt(words, 11, 3),
    peakSteps: limbsToBigInt(words, 14, 2),
    fan: readFan(words, 16),
  }
}

function merge(sum: SirSum, part: SirSum): void {
  sum.runs += part.runs
  sum.outbreaks += part.outbreaks
  if (part.largestPeak > sum.largestPeak) sum.largestPeak = part.largestPeak
  sum.infected += part.infected
  sum.infectedSquares += part.infectedSquares
  sum.peaks += part.peaks
  sum.peakSquares += part.peakSquares
  sum.peakSteps += part.peakSteps
  mergeFan(sum.fan, part.fan)
}

export const sirFold: Fold<SirArgs, SirConstants, SirSum> = {
  empty: () => ({
    runs: 0,
    outbreaks: 0,
    largestPeak: 0,
    infected: 0n,
    infectedSquares: 0n,
    peaks: 0n,
    peakSquares: 0n,
    peakSteps: 0n,
    fan: emptyFan(),
  }),
  add: (sum, _shard, leaf) => merge(sum, readLeaf(leaf)),
  merge,
}

/**
 * What every correct leaf satisfies: its shard's runs, people between those infectious at the start and all who could
 * be, peaks no larger than the largest, moments in Cauchy-Schwarz, the fan's own invariants.
 */
export function checkSirLeaf(plan: SirPlan, shard: number, bytes: Uint8Array): string | undefined {
  if (bytes.length !== 4 * LEAF_WORDS) return `a leaf of ${bytes.length} bytes instead of ${4 * LEAF_WORDS}`
  const leaf = readLeaf(bytes)
  const c = plan.constants
  const expected = shardSamples(plan, shard)
  if (leaf.runs !== expected) return `${leaf.runs} runs instead of ${expected}`
  if (bytesToWords(bytes)[3] !== 0) return 'a word that must be zero is not'
  if (leaf.outbreaks > leaf.runs) return 'more outbreaks than runs'
  const n = BigInt(leaf.runs)
  const [low, high] = [BigInt(c.infectious), BigInt(c.infectious + c.susceptible)]
  if (leaf.infected < n * low || leaf.infected > n * high) return 'a sum of infected people out of bounds'
  if (leaf.infected * leaf.infected > n * leaf.infectedSquares)
    return 'moments of the infected against Cauchy-Schwarz'
  if (leaf.infectedSquares > leaf.infected * high) return 'squares of the infected out of bounds'
  if (BigInt(leaf.largestPeak) > high || BigInt(leaf.largestPeak) < low) return 'a largest peak out of bounds'
  if (leaf.peaks < n * low || leaf.peaks > n * BigInt(leaf.largestPeak)) return 'a sum of peaks out of bounds'
  if (leaf.peaks > leaf.infected) return 'peaks above all who were infected'
  if (leaf.peaks * leaf.peaks > n * leaf.peakSquares) return 'moments of the peaks against Cauchy-Schwarz'
  if (leaf.peakSquares > leaf.peaks * BigInt(leaf.largestPeak)) return 'squares of the peaks out of bounds'
  if (leaf.peakSteps > n * BigInt(c.steps)) return 'peaks after the last step'
  return checkFan(leaf.fan, leaf.runs, (bin) => spreadEdge(bin, c.bin_shift))
}

/** Mean share of the population that was ever infected. */
export function estimateSir(args: SirArgs, sum: SirSum): Estimate | undefined {
  if (sum.runs < 2) return undefined
  const n = BigInt(sum.runs)
  const population = BigInt(args.population)
  const spread = n * sum.infectedSquares - sum.infected * sum.infected
  return {
    samples: sum.runs,
    value: ratioToNumber(sum.infected, n * population),
    standard_error: Math.sqrt(ratioToNumber(spread, n * n * (n - 1n) * population * population)),
  }
}

export const sirResult = z.strictObject({
  /** Mean share of the population ever infected, those at the start included. */
  attack_rate: z.number(),
  standard_error: z.number(),
  interval_95: z.strictObject({ low: z.number(), high: z.number() }),
  /** beta / gamma. */
  reproduction_number: z.number(),
  /** Share of runs in which a tenth of the population or more was infected. */
  outbreak_probability: z.number(),
  outbreak_error: z.number(),
  /** Of the largest number of infectious people at once. */
  mean_peak: z.number(),
  mean_peak_error: z.number(),
  largest_peak: z.int(),
  mean_peak_day: z.number(),
  runs: z.int(),
  /** Infectious people on a day: mean, and quantiles interpolated within bins at most a quarter wide. */
  course: z.array(
    z.strictObject({
      day: z.number(),
      mean: z.number(),
      percent_5: z.number(),
      percent_25: z.number(),
      median: z.number(),
      percent_75: z.number(),
      percent_95: z.number(),
    }),
  ),
  convergence: z.array(
    z.strictObject({ shards: z.int(), samples: z.int(), value: z.number(), standard_error: z.number() }),
  ),
})

export type SirResult = z.infer<typeof sirResult>

/** The result: exact sums, one rounding a number, IEEE operations after that. */
export function reduceSir(args: SirArgs, plan: SirPlan, sum: SirSum, convergence: Convergence): SirResult {
  const estimate = estimateSir(args, sum)
  invariant(estimate !== undefined, 'a result over at least two runs')
  const c = plan.constants
  const n = BigInt(sum.runs)
  const outbreak = sum.outbreaks / sum.runs
  const edge = (bin: number): number => spreadEdge(bin, c.bin_shift)
  return {
    attack_rate: estimate.value,
    standard_error: estimate.standard_error,
    interval_95: interval95(estimate.value, estimate.standard_error),
    reproduction_number: args.transmission_rate / args.recovery_rate,
    outbreak_probability: outbreak,
    outbreak_error: Math.sqrt((outbreak * (1 - outbreak)) / sum.runs),
    mean_peak: ratioToNumber(sum.peaks, n),
    mean_peak_error: Math.sqrt(ratioToNumber(n * sum.peakSquares - sum.peaks * sum.peaks, n * n * (n - 1n))),
    largest_peak: sum.largestPeak,
    mean_peak_day: ratioToNumber(sum.peakSteps, n * BigInt(args.steps_per_day)),
    runs: sum.runs,
    course: Array.from({ length: FAN_TIMES }, (_, time) => {
      const quantile = (p: number): number => fanQuantile(sum.fan, time, sum.runs, p, edge, 1)
      return {
        day: Math.floor(((time + 1) * c.steps) / FAN_TIMES) / args.steps_per_day,
        mean: ratioToNumber(sum.fan.sums[time] as bigint, n),
        percent_5: quantile(0.05),
        percent_25: quantile(0.25),
        median: quantile(0.5),
        percent_75: quantile(0.75),
        percent_95: quantile(0.95),
      }
    }),
    convergence: convergence.map((point) => ({ ...point })),
  }
}
