import { OpRegistry } from '../job.ts'
import { gbm } from './mc-gbm/index.ts'
import { pi } from './mc-pi/index.ts'
import { filter } from './media-filter/index.ts'
import { mandelbrot } from './media-mandelbrot/index.ts'
import { conv2d } from './tensor-conv2d/index.ts'
import { elementwise } from './tensor-elementwise/index.ts'
import { gemv } from './tensor-gemv/index.ts'
import { matmul } from './tensor-matmul/index.ts'
import { ntt } from './tensor-ntt/index.ts'
import { reduce } from './tensor-reduce/index.ts'

/** Every op of the network. Adding one is a folder beside this file and a line here. */
export const OPS = new OpRegistry([
  pi,
  gbm,
  matmul,
  mandelbrot,
  ntt,
  gemv,
  conv2d,
  filter,
  reduce,
  elementwise,
])
