import { ForgeError } from '../../errors.ts'
import {
  bitLength,
  exactRational,
  lnRatioQ,
  log2eQ,
  shiftRound,
  sqrtQ,
  toFixedQ,
} from '../../numerics/bigmath.ts'
import { poissonThresholds } from '../../numerics/poisson.ts'
import type { Plan } from '../op.ts'
import { OUTCOME_BINS, OUTCOME_WORDS } from '../outcome.ts'
import { cutSamples, type SampleCut } from '../samples.ts'
import type { EtaArgs } from './args.ts'

/** What the kernel needs, in the formats of shaders/mc/eta.v1.wgsl. */
export type EtaConstants = SampleCut & {
  /** One unit is 2^-unit_bits minutes. */
  readonly unit_bits: number
  readonly common: number
  readonly own: number
  readonly weather_threshold: number
  readonly weather: number
  readonly delay: number
  readonly deadline: number
  readonly bin_start: number
  readonly bin_shift: number
  readonly thresholds: readonly number[]
  readonly segments: readonly { readonly location: number; readonly scale: number }[]
}

export type EtaPlan = Plan<EtaConstants>

export const INCIDENT_THRESHOLDS = 31

const P = 128
const ONE = 1n << BigInt(P)

/** Nanoseconds of the reference, measured on one core and rounded. */
const COST_NS = { trip: 350, segment: 60, incident: 100 }

/** Mean number of incidents of a trip, in IEEE operations in this order. */
export function meanIncidents(args: EtaArgs): number {
  return (args.incidents_per_hour * baseMinutes(args)) / 60
}

export function baseMinutes(args: EtaArgs): number {
  return args.segments.reduce((sum, { minutes }) => sum + minutes, 0)
}

/** Mean time of a trip in minutes: exact for the model, in IEEE operations in this order. */
export function expectedMinutes(args: EtaArgs): number {
  const weather = 1 + args.bad_weather_probability * (args.bad_weather_factor - 1)
  return baseMinutes(args) * weather + meanIncidents(args) * args.incident_delay_minutes
}

/** A standard deviation that the time does not exceed much, for choosing bins only. */
function spreadMinutes(args: EtaArgs): number {
  const base = baseMinutes(args)
  const traffic =
    args.segments.reduce((sum, { minutes, variation }) => sum + minutes * variation, 0) *
    args.bad_weather_factor
  const p = args.bad_weather_probability
  const weather = base * (args.bad_weather_factor - 1) * Math.sqrt(p * (1 - p))
  const incidents = args.incident_delay_minutes * Math.sqrt(2 * meanIncidents(args))
  return Math.sqrt(traffic * traffic + weather * weather + incidents * incidents)
}

/** @throws ForgeError ARGS_OUT_OF_RANGE for more than five incidents in the mean */
export function planEta(args: EtaArgs): EtaPlan {
  const incidents = meanIncidents(args)
  if (incidents > 5)
    throw new ForgeError('ARGS_OUT_OF_RANGE', 'more than five incidents a trip in the mean', {
      path: 'args.incidents_per_hour',
      hint: 'Lower it, or divide the trip.',
    })
  // Sixteen times the mean in bad weather, and sixty delays, are at most 2^30 units.
  const range = exactRational(
    16 * baseMinutes(args) * args.bad_weather_factor + 64 * args.incident_delay_minutes,
  )
  let unit_bits = 20
  while (range.num << BigInt(unit_bits) > range.den << 30n) unit_bits--
  const log2e = log2eQ(P)
  const log2 = (ln: bigint): bigint => shiftRound(ln * log2e, 2 * P - 24)
  const lnOf = (x: number): bigint => {
    const { num, den } = exactRational(x)
    return lnRatioQ(num, den, P)
  }
  const units = (minutes: number): number => {
    const value = toFixedQ(minutes, unit_bits)
    return value > 0x7fffffffn ? 0x7fffffff : Number(value)
  }
  const correlation = toFixedQ(args.traffic_correlation, P)
  const mean = expectedMinutes(args)
  const spread = spreadMinutes(args)
  const low = mean - 6 * spread
  const start = low > 0 ? units(low) : 0
  const top = units(mean + 8 * spread)
  const sampleNs = COST_NS.trip + args.segments.length * COST_NS.segment + incidents * COST_NS.incident
  const { cut, shard_count, work_units } = cutSamples(args.trips, sampleNs)
  return {
    shard_count,
    work_units,
    leaf: { kind: 'inline', max_bytes: 4 * OUTCOME_WORDS },
    constants: {
      ...cut,
      unit_bits,
      common: Number(shiftRound(sqrtQ(correlation, P), P - 30)),
      own: Number(shiftRound(sqrtQ(ONE - correlation, P), P - 30)),
      // 2^32 stands for "always".
      weather_threshold: Number(toFixedQ(args.bad_weather_probability, 32)),
      weather: Number(log2(lnOf(args.bad_weather_factor))),
      delay: Number(toFixedQ(args.incident_delay_minutes, unit_bits + 6)),
      deadline: units(args.deadline_minutes),
      bin_start: start,
      bin_shift: Math.max(bitLength(BigInt(Math.ceil((top - start) / OUTCOME_BINS))), 0),
      thresholds: poissonThresholds(incidents, INCIDENT_THRESHOLDS),
      segments: args.segments.map(({ minutes, variation }) => {
        const square = exactRational(variation)
        const variance = lnRatioQ(
          square.num * square.num + square.den * square.den,
          square.den * square.den,
          P,
        )
        return {
          // The mean of the lognormal factor is 1.
          location: Number(log2(lnOf(minutes) - variance / 2n) + (BigInt(unit_bits) << 24n)),
          // sqrt(ln 5) log2 e < 1.84.
          scale: Number(shiftRound(sqrtQ(variance, P) * log2e, 2 * P - 30)),
        }
      }),
    },
  }
}

export function etaBin(plan: EtaPlan, time: number): number {
  const { bin_start, bin_shift } = plan.constants
  const above = time > bin_start ? time - bin_start : 0
  return Math.min(above >>> bin_shift, OUTCOME_BINS - 1)
}
