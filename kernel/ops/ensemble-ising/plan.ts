import { ForgeError } from '../../errors.ts'
import { divideRound, expQ, shiftRound, toFixedQ } from '../../numerics/bigmath.ts'
import type { Plan } from '../op.ts'
import { cutSamples, type SampleCut } from '../samples.ts'
import { type IsingArgs, MAX_SWEEPS } from './args.ts'

/** What the kernel needs, in the formats of shaders/ensemble/ising.v1.wgsl. */
export type IsingConstants = SampleCut & {
  readonly size: number
  readonly sweeps: number
  readonly burn_in: number
  readonly interval: number
  /** Measurements of a replica. */
  readonly measurements: number
  readonly accept_three: number
  readonly accept_four: number
  readonly bin_shift: number
}

export type IsingPlan = Plan<IsingConstants>

export const MAGNETISATION_BINS = 64
/** The largest lattice that one invocation keeps to itself; of larger ones it has a row, in stages. */
export const NARROW_SIZE = 32
export const LEAF_WORDS = 32 + MAGNETISATION_BINS

const P = 128

/** Nanoseconds of the reference, measured on one core and rounded: a row of a sweep costs by its words. */
const COST_NS = { replica: 3000, row: 40, block: 130, measure: 40 }

function refuse(path: string, message: string, hint: string): never {
  throw new ForgeError('ARGS_OUT_OF_RANGE', message, { path: `args.${path}`, hint })
}

/** round(2^32 e^(-energy / T)), below 2^32. */
function threshold(energy: bigint, temperature: number): number {
  const exponent = divideRound(-energy << BigInt(2 * P), toFixedQ(temperature, P))
  const word = shiftRound(expQ(exponent, P), P - 32)
  return Number(word < 1n << 32n ? word : (1n << 32n) - 1n)
}

/** @throws ForgeError ARGS_OUT_OF_RANGE where the sweeps are too many or the measurements do not fit them */
export function planIsing(args: IsingArgs): IsingPlan {
  const { size, burn_in, measured, interval } = args
  const sweeps = burn_in + measured
  if (sweeps > MAX_SWEEPS)
    refuse('measured', `${sweeps} sweeps; the limit is ${MAX_SWEEPS}`, 'Use fewer, and more replicas.')
  if (measured % interval !== 0)
    refuse('interval', 'it does not divide the measured sweeps', 'Choose a divisor of them.')
  const measurements = measured / interval
  const rowNs = COST_NS.row + COST_NS.block * Math.max(size / 8, 1)
  const replicaNs = COST_NS.replica + 2 * sweeps * size * rowNs + measurements * size * COST_NS.measure
  const { cut, shard_count, work_units } = cutSamples(args.replicas, replicaNs, 15, 0)
  return {
    shard_count,
    work_units,
    leaf: { kind: 'inline', max_bytes: 4 * LEAF_WORDS },
    constants: {
      ...cut,
      size,
      sweeps,
      burn_in,
      interval,
      measurements,
      accept_three: threshold(4n, args.temperature),
      accept_four: threshold(8n, args.temperature),
      // M + L^2 is 0 .. 2 L^2: 64 bins, the last of which also holds 2 L^2.
      bin_shift: Math.max(31 - Math.clz32(2 * size * size) - 6, 0),
    },
  }
}
