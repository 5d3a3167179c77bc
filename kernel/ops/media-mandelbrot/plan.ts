import { ForgeError } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import { divideRound, exactRational } from '../../numerics/bigmath.ts'
import type { Plan } from '../op.ts'
import { largestTile, log2Ceil, tileCount, tileShape } from '../tile-grid.ts'
import type { MandelbrotArgs } from './args.ts'

export type MandelbrotConstants = {
  readonly rows: number
  readonly columns: number
  readonly tile_rows: number
  readonly tile_columns: number
  readonly max_iterations: number
  /** Q60, decimal: real part of the first column's centre, imaginary part of the first row's, distance of two pixels. */
  readonly left: string
  readonly top: string
  readonly step: string
}

export type MandelbrotPlan = Plan<MandelbrotConstants>

/** Bytes of an escape time in a leaf: int16. */
export const TIME_BYTES = 2

const Q = 60n
/** |c| of either part, inside which no orbit leaves i32 before it escapes. */
const REACH = 7n << (Q - 1n)
/** 2^-26: four units of Q28. */
const STEP_MIN = 1n << (Q - 26n)
/** Iterations of a tile in which no point escapes: at most about 0.1 s of one core. */
const TILE_WORK_LOG2 = 22
const TILE_AREA_LOG2_MAX = 16
/** Iterations of the reference per work unit, that is, per microsecond. */
const ITERATIONS_PER_UNIT = 32

function q60(x: number): bigint {
  const { num, den } = exactRational(x)
  return divideRound(num << Q, den)
}

/**
 * @throws ForgeError ARGS_OUT_OF_RANGE when the view leaves the proven range, its pixels are finer than the fixed point
 * can tell apart, or its picture exceeds a blob
 */
export function planMandelbrot(args: MandelbrotArgs): MandelbrotPlan {
  const { width, height } = args
  const { num, den } = exactRational(args.span)
  const step = divideRound(num << Q, den * BigInt(width))
  if (step < STEP_MIN) {
    throw new ForgeError('ARGS_OUT_OF_RANGE', 'the pixels of this view lie closer than 2^-26', {
      path: 'args.span',
      hint: `Use a span of at least ${width / 2 ** 26}, or fewer pixels.`,
    })
  }
  const left = q60(args.center_re) - ((BigInt(width - 1) * step) >> 1n)
  const top = q60(args.center_im) + ((BigInt(height - 1) * step) >> 1n)
  const right = left + BigInt(width - 1) * step
  const bottom = top - BigInt(height - 1) * step
  if ([left, top, right, bottom].some((part) => part > REACH || part < -REACH)) {
    throw new ForgeError('ARGS_OUT_OF_RANGE', 'the view reaches beyond 3.5 from the origin', {
      path: 'args.span',
      hint: 'Use a narrower span, or a centre nearer to the origin. The set itself lies within 2.',
    })
  }
  const area = Math.min(TILE_AREA_LOG2_MAX, TILE_WORK_LOG2 - log2Ceil(args.max_iterations))
  const constants: MandelbrotConstants = {
    rows: height,
    columns: width,
    ...tileShape(height, width, area, 0),
    max_iterations: args.max_iterations,
    left: left.toString(),
    top: top.toString(),
    step: step.toString(),
  }
  const max_bytes = largestTile(constants) * TIME_BYTES
  return {
    shard_count: tileCount(constants),
    // As if no point escaped: what escapes is not known before.
    work_units: Math.ceil((width * height * args.max_iterations) / ITERATIONS_PER_UNIT),
    leaf: { kind: max_bytes <= LIMITS.inline_leaf_bytes ? 'inline' : 'blob', max_bytes },
    constants,
  }
}
