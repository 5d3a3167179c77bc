import { WebGpuExecutor } from '../../agent-runtime/webgpu/executor.ts'
import { FloatPaths } from '../peers/gbm_float.ts'
import { TfjsProduct } from '../peers/matmul_tfjs_webgpu.ts'
import { bestOf, PathRate, ProductRate } from './executor-rates.ts'
import { optionJob, productJob, SIZE } from './workloads.ts'

/** Runs in a browser's worker, where agents run: our executor and its peers, on one adapter. Plain JSON in and out. */

/** What tfjs asks for: with two adapters in a machine, all sides take the same. */
const SAME_ADAPTER: GPURequestAdapterOptions = { powerPreference: 'high-performance' }

interface Sampled {
  /** Brings compilers and dispatch sizes to where they stay. */
  warmUp(): Promise<void>
  /** The best of so many runs; `aside` is another figure of the same runs. */
  best(runs: number): Promise<{ readonly rate: number; readonly aside: number }>
}

let executor: Promise<WebGpuExecutor> | undefined

function ours(): Promise<WebGpuExecutor> {
  executor ??= WebGpuExecutor.open(navigator.gpu, { adapter: SAME_ADAPTER })
  return executor
}

async function oursOption(): Promise<Sampled> {
  const rate = await PathRate.open(await ours(), optionJob('european'))
  return {
    warmUp: () => rate.warmUp(),
    best: async (runs) => ({ rate: await rate.best(runs), aside: 0 }),
  }
}

async function oursProduct(): Promise<Sampled> {
  const rate = new ProductRate(await ours(), productJob('int8'))
  return {
    warmUp: () => rate.warmUp(),
    best: async (runs) => ({ rate: await rate.best(runs), aside: rate.shardsOnly }),
  }
}

async function floatOption(code: string, pcg: boolean): Promise<Sampled> {
  const adapter = await navigator.gpu.requestAdapter(SAME_ADAPTER)
  if (adapter === null) throw new Error('no WebGPU adapter')
  const paths = await FloatPaths.open(adapter, code, pcg)
  return {
    warmUp: () => paths.warmUp(),
    best: async (runs) => ({ rate: await bestOf(runs, () => paths.rate()), aside: 0 }),
  }
}

async function tfjsProduct(): Promise<Sampled> {
  const product = await TfjsProduct.open(SIZE)
  return {
    warmUp: async () => void (await product.rate()),
    best: async (runs) => ({ rate: await bestOf(runs, () => product.rate()), aside: 0 }),
  }
}

const opened = new Map<string, Promise<Sampled>>()

function open(subject: string, code: string): Promise<Sampled> {
  let sampled = opened.get(subject)
  if (sampled === undefined) {
    if (subject === 'ours/gbm') sampled = oursOption()
    else if (subject === 'ours/matmul') sampled = oursProduct()
    else if (subject === 'peer/gbm') sampled = floatOption(code, false)
    else if (subject === 'peer/gbm-pcg') sampled = floatOption(code, true)
    else if (subject === 'peer/matmul') sampled = tfjsProduct()
    else throw new Error(`there is no ${subject}`)
    opened.set(subject, sampled)
  }
  return sampled
}

/** @returns how this browser names the adapter that all sides take */
export async function adapter(): Promise<string> {
  return (await ours()).label
}

/** @param code WGSL of the peer of `gbm` */
export async function warmUp({ subject, code }: { subject: string; code: string }): Promise<null> {
  await (await open(subject, code)).warmUp()
  return null
}

export async function best({ subject, code, runs }: { subject: string; code: string; runs: number }) {
  return (await open(subject, code)).best(runs)
}
