import { WasmExecutor } from '../../agent-runtime/wasm/executor.ts'
import { type Found, short } from '../pairs.ts'
import { PathRate, ProductRate } from './executor-rates.ts'
import { type MatrixType, type OptionStyle, optionJob, productJob } from './workloads.ts'

/** The compiled kernels on this thread, through the executor of the agents. */

/** As many as the peers take the best of (one of them takes 8). */
const RUNS = 5
const PRODUCT_RUNS = 6

export async function optionOnWasm(style: OptionStyle): Promise<Found> {
  const executor = new WasmExecutor()
  const rate = await PathRate.open(executor, optionJob(style))
  return { name: executor.label, warmUp: () => rate.warmUp(), sample: () => rate.best(RUNS) }
}

export async function productOnWasm(dtype: MatrixType): Promise<Found> {
  const executor = new WasmExecutor()
  const rate = new ProductRate(executor, productJob(dtype))
  return {
    name: executor.label,
    warmUp: () => rate.warmUp(),
    sample: () => rate.best(PRODUCT_RUNS),
    notes: () => [`ours without packing the operands: ${short(rate.shardsOnly)} Gop/s`],
  }
}
