import { defineOp } from '../../job.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { placeTile, tileOf, tilesAcross } from '../tile-grid.ts'
import { type MandelbrotArgs, mandelbrotArgs } from './args.ts'
import { goldenMandelbrot } from './golden.ts'
import { type MandelbrotConstants, type MandelbrotPlan, planMandelbrot, TIME_BYTES } from './plan.ts'
import {
  checkTimes,
  type EscapeTimes,
  emptyTimes,
  type MandelbrotResult,
  mandelbrotResult,
  reduceTimes,
} from './result.ts'
import { summariseMandelbrot } from './summary.ts'

const KERNEL = 'media/mandelbrot.v1'

function words64(value: bigint): [number, number] {
  const bits = BigInt.asUintN(64, value)
  return [Number(bits & 0xffffffffn), Number(bits >> 32n)]
}

/** Drives shaders/media/mandelbrot.v1.wgsl: an invocation computes one point of its tile. */
function gpuMandelbrot(args: MandelbrotArgs, plan: MandelbrotPlan): GpuProgram {
  const c = plan.constants
  const step = BigInt(c.step)
  // Coordinates are rounded to Q28 by dropping 32 bits.
  const half = 1n << 31n
  return {
    kernel: KERNEL,
    tables: [],
    words: Uint32Array.of(
      c.rows,
      c.columns,
      tilesAcross(c),
      c.tile_columns,
      c.tile_rows,
      args.max_iterations,
      ...words64(BigInt(c.left) + half),
      ...words64(BigInt(c.top) + half),
      ...words64(step),
      ...words64(-step),
    ),
    invocations: c.tile_rows * c.tile_columns,
    slot_words: c.tile_rows * c.tile_columns,
    inputs: [],
    leaf: (shard, slot) => {
      const tile = tileOf(c, shard)
      const bytes = new Uint8Array(tile.rows * tile.columns * TIME_BYTES)
      const view = new DataView(bytes.buffer)
      for (let at = 0, row = 0; row < tile.rows; row++) {
        for (let column = 0; column < tile.columns; column++, at += TIME_BYTES)
          view.setInt16(at, slot[row * c.tile_columns + column] as number, true)
      }
      return bytes
    },
  }
}

export const mandelbrotSpec: OpSpec<MandelbrotArgs, MandelbrotConstants, EscapeTimes, MandelbrotResult> = {
  ref: { name: 'media', version: 1, profile: 'mandelbrot.v1' },
  title: 'Mandelbrot set',
  description:
    'Draws a part of the Mandelbrot set: for each pixel, how many iterations of z² + c it takes to leave the circle of ' +
    'radius 2. The orbits are computed in fixed point, so the picture is the same, bit for bit, on every device.',
  args: mandelbrotArgs,
  inputs: {},
  example: {
    center_re: -0.743_643,
    center_im: 0.131_825,
    span: 0.005,
    width: 1024,
    height: 768,
    max_iterations: 2000,
  },
  golden: goldenMandelbrot,
  kernel: KERNEL,
  tables: [],
  plan: planMandelbrot,
  gpu: ({ args, plan }) => gpuMandelbrot(args, plan),
  checkLeaf: checkTimes,
  fold: {
    empty: emptyTimes,
    add: ({ constants, bytes }, shard, leaf) => placeTile(bytes, constants, shard, leaf, TIME_BYTES),
  },
  reduce: (args, _plan, times) => reduceTimes(args, times),
  result: mandelbrotResult,
  summarise: summariseMandelbrot,
}

export const mandelbrot = defineOp(mandelbrotSpec)
