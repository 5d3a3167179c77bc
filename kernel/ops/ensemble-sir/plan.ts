import { ForgeError } from '../../errors.ts'
import { divideRound, shiftRound, toFixedQ } from '../../numerics/bigmath.ts'
import { FAN_TIMES, FAN_WORDS } from '../fan.ts'
import type { Plan } from '../op.ts'
import { cutSamples, type SampleCut } from '../samples.ts'
import type { SirArgs } from './args.ts'

/** What the kernel needs, in the formats of shaders/ensemble/sir.v1.wgsl. */
export type SirConstants = SampleCut & {
  readonly steps: number
  readonly susceptible: number
  readonly infectious: number
  readonly population_shift: number
  readonly force: number
  readonly recovery: number
  readonly outbreak: number
  readonly bin_shift: number
}

export type SirPlan = Plan<SirConstants>

export const LEAF_WORDS = 16 + FAN_WORDS
/** Steps of a run in one invocation, and the words that carry it on to the next. */
export const STAGE_STEPS = 1024
export const STATE_WORDS = 5

const P = 96
const MAX_STEPS = 32_768

/** Nanoseconds of the reference, measured on one core and rounded. */
const COST_NS = { run: 6000, step: 220 }

function refuse(path: string, message: string, hint: string): never {
  throw new ForgeError('ARGS_OUT_OF_RANGE', message, { path: `args.${path}`, hint })
}

/** @throws ForgeError ARGS_OUT_OF_RANGE where people do not add up, or a step is too long */
export function planSir(args: SirArgs): SirPlan {
  const { population, initially_infectious: infectious, initially_immune: immune } = args
  if (infectious + immune > population)
    refuse('initially_infectious', 'more infectious and immune people than people', 'Lower one of them.')
  const steps = args.days * args.steps_per_day
  if (steps < FAN_TIMES || steps > MAX_STEPS)
    refuse(
      'steps_per_day',
      `${steps} steps; there are ${FAN_TIMES} to ${MAX_STEPS}`,
      'Change it or the days.',
    )
  const perDay = BigInt(args.steps_per_day)
  const bits = 32 - Math.clz32(population)
  // beta dt / N in Q(31 + bits) is a word below beta dt = 1, because N is at least 2^(bits - 1).
  const beta = toFixedQ(args.transmission_rate, P)
  if (beta >= perDay << BigInt(P))
    refuse('transmission_rate', 'a person infects others in less than a step', 'Use more steps a day.')
  const gamma = toFixedQ(args.recovery_rate, P)
  if (gamma >= perDay << BigInt(P))
    refuse('recovery_rate', 'a person recovers in less than a step', 'Use more steps a day.')
  const force = divideRound(beta << BigInt(31 + bits), (perDay * BigInt(population)) << BigInt(P))
  const recovery = shiftRound(divideRound(gamma, perDay), P - 31)
  const { cut, shard_count, work_units } = cutSamples(args.runs, COST_NS.run + steps * COST_NS.step, 15)
  const word = (value: bigint, limit: bigint): number => Number(value < limit ? value : limit)
  return {
    shard_count,
    work_units,
    leaf: { kind: 'inline', max_bytes: 4 * LEAF_WORDS },
    constants: {
      ...cut,
      steps,
      susceptible: population - infectious - immune,
      infectious,
      population_shift: 32 - bits,
      force: word(force, 0xffffffffn),
      recovery: word(recovery, 0x7fffffffn),
      // A tenth of the population.
      outbreak: Math.ceil(population / 10),
      bin_shift: Math.max(bits - 17, 0),
    },
  }
}

/** 0 .. 3 for the values themselves, then four bins for each power of two. */
export function spreadBin(value: number): number {
  if (value < 4) return value
  const below = 29 - Math.clz32(value)
  return 4 * below + (value >>> below)
}

/** The smallest number of people of a bin. */
export function spreadEdge(bin: number, binShift: number): number {
  const below = bin < 8 ? 0 : (bin >> 2) - 1
  return (bin - 4 * below) * 2 ** (below + binShift)
}
