import { type Comparison, compare } from '../pairs.ts'
import type { Row, Suite, SuiteOptions, SuiteRun } from '../suite.ts'
import { javascriptPeer, nativePeer, numpyPeer, ortPeer, tfjsWasmPeer } from './cpu-peers.ts'
import { optionOnWasm, productOnWasm } from './wasm-subjects.ts'
import { WebGpuBench } from './webgpu-subjects.ts'
import { SIZE } from './workloads.ts'

const PATH_STEPS = 'M path-steps/s'
const OPERATIONS = 'Gop/s'

/** Peers' rates on two cores of an AMD EPYC, where the bars were set; of a range the lower end. */
const FIGURE = { numpy: 91, javascript: 21, native: 485, tfjs: 21, ort: 24 }

/** @param onClose called with what has to be closed at the end of the run */
function comparisons(gpu: WebGpuBench, onClose: (close: () => Promise<void>) => void): readonly Comparison[] {
  return [
    {
      id: 'gbm.wasm/numpy',
      what: 'European option, WASM, against NumPy',
      rate: PATH_STEPS,
      at_least: 1.6,
      peer_figure: FIGURE.numpy,
      ours: () => optionOnWasm('european'),
      peer: () => numpyPeer('european'),
    },
    {
      id: 'asian.wasm/numpy',
      what: 'Asian option, WASM, against NumPy',
      rate: PATH_STEPS,
      at_least: 1.2,
      ours: () => optionOnWasm('asian'),
      peer: () => numpyPeer('asian'),
    },
    {
      id: 'gbm.wasm/js',
      what: 'European option, WASM, against a plain loop',
      rate: PATH_STEPS,
      at_least: 5,
      peer_figure: FIGURE.javascript,
      ours: () => optionOnWasm('european'),
      peer: javascriptPeer,
    },
    {
      id: 'gbm.wasm/native',
      what: 'European option, WASM, against native code',
      rate: PATH_STEPS,
      at_least: 0.33,
      peer_figure: FIGURE.native,
      ours: () => optionOnWasm('european'),
      peer: () => nativePeer(onClose),
    },
    {
      id: 'matmul.i8.wasm/tfjs',
      what: 'int8 product, WASM, against f32 of TensorFlow.js',
      rate: OPERATIONS,
      at_least: 1.5,
      peer_figure: FIGURE.tfjs,
      ours: () => productOnWasm('int8'),
      peer: () => tfjsWasmPeer(SIZE),
    },
    {
      id: 'matmul.i8.wasm/ort',
      what: 'int8 product, WASM, against f32 of ONNX Runtime',
      rate: OPERATIONS,
      at_least: 1.5,
      peer_figure: FIGURE.ort,
      ours: () => productOnWasm('int8'),
      peer: () => ortPeer(SIZE),
    },
    {
      id: 'matmul.s16.wasm/tfjs',
      what: 'f32 product through 16 bits, WASM, against f32 of TensorFlow.js',
      rate: OPERATIONS,
      at_least: 0.7,
      peer_figure: FIGURE.tfjs,
      ours: () => productOnWasm('float32'),
      peer: () => tfjsWasmPeer(SIZE),
    },
    {
      id: 'matmul.i8.webgpu/tfjs',
      what: 'int8 product, WebGPU, against f32 of TensorFlow.js',
      rate: OPERATIONS,
      at_least: 1,
      ours: () => gpu.product('ours'),
      peer: () => gpu.product('peer'),
    },
    {
      id: 'gbm.webgpu/float',
      what: 'European option, WebGPU, against plain f32 WGSL',
      rate: PATH_STEPS,
      at_least: 0.7,
      ours: () => gpu.option('ours'),
      peer: () => gpu.option('peer'),
    },
  ]
}

async function run({ only, rounds, say }: SuiteOptions): Promise<SuiteRun> {
  const gpu = new WebGpuBench()
  const closers = [() => gpu.close()]
  const rows: Row[] = []
  try {
    for (const comparison of comparisons(gpu, (close) => closers.push(close)))
      if (only.has(comparison.id)) rows.push(await compare(comparison, rounds, say))
  } finally {
    for (const close of closers.reverse()) await close()
  }
  return { rows, adapters: gpu.adapters }
}

/** The compiled kernels against what people would use instead. */
export const kernels: Suite = {
  name: 'kernels',
  title: 'the kernels against NumPy, TensorFlow.js, ONNX Runtime, native code and plain WGSL',
  ids: () => comparisons(new WebGpuBench(), () => {}).map(({ id }) => id),
  run,
}
