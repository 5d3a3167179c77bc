import { OpRegistry } from '../job.ts'
import { bootstrap } from './ensemble-bootstrap/index.ts'
import { ising } from './ensemble-ising/index.ts'
import { lorenz } from './ensemble-lorenz/index.ts'
import { sir } from './ensemble-sir/index.ts'
import { eta } from './mc-eta/index.ts'
import { gbm } from './mc-gbm/index.ts'
import { heston } from './mc-heston/index.ts'
import { insurance } from './mc-insurance/index.ts'
import { pi } from './mc-pi/index.ts'
import { portfolio } from './mc-portfolio/index.ts'
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
  heston,
  portfolio,
  insurance,
  eta,
  sir,
  ising,
  lorenz,
  bootstrap,
  matmul,
  mandelbrot,
  ntt,
  gemv,
  conv2d,
  filter,
  reduce,
  elementwise,
])
