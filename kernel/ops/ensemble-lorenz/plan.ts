import { shiftRound, toFixedQ } from '../../numerics/bigmath.ts'
import { FAN_WORDS } from '../fan.ts'
import type { Plan } from '../op.ts'
import { cutSamples, type SampleCut } from '../samples.ts'
import type { LorenzArgs } from './args.ts'

/** What the kernel needs, in the formats of shaders/ensemble/lorenz.v1.wgsl. */
export type LorenzConstants = SampleCut & {
  readonly x: number
  readonly y: number
  readonly z: number
  readonly error: number
  readonly sigma: number
  readonly step: number
  readonly beta: number
  readonly coupling: number
  readonly rho: number
}

export type LorenzPlan = Plan<LorenzConstants>

export const LEAF_WORDS = 16 + FAN_WORDS

const P = 128

/** Nanoseconds of the reference, measured on one core and rounded. */
const COST_NS = { run: 6000, step: 350 }

/** The arguments' ranges are the proof: every constant is below its bound in the kernel. */
export function planLorenz(args: LorenzArgs): LorenzPlan {
  const dt = toFixedQ(args.time_step, P)
  const times = (factor: number, q: number): number => Number(shiftRound(toFixedQ(factor, P) * dt, 2 * P - q))
  const { cut, shard_count, work_units } = cutSamples(
    args.runs,
    COST_NS.run + args.steps * COST_NS.step,
    15,
    0,
  )
  return {
    shard_count,
    work_units,
    leaf: { kind: 'inline', max_bytes: 4 * LEAF_WORDS },
    constants: {
      ...cut,
      x: Number(toFixedQ(args.x, 23)),
      y: Number(toFixedQ(args.y, 23)),
      z: Number(toFixedQ(args.z, 23)),
      error: Number(toFixedQ(args.initial_error, 27)),
      sigma: times(args.sigma, 32),
      step: times(1, 32),
      beta: times(args.beta, 32),
      coupling: times(32, 32),
      // The scaled system has rho - 64 z: rho itself is not scaled.
      rho: times(args.rho, 29),
    },
  }
}
