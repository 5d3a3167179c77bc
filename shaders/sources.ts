import { invariant } from '../kernel/errors.ts'
import { WGSL_KERNELS } from './generated/wgsl/index.ts'
import { bytesOf } from './modules.ts'

/** What a device compiles, and what admits jobs to it. */
export interface KernelSource {
  readonly wgsl: string
  /** Undefined for the probes and the demonstration, which no contract runs. */
  readonly admission: WebAssembly.Module | undefined
}

const loaded = new Map<string, Promise<KernelSource>>()

/**
 * A kernel's WGSL, loaded once. Only what is asked for is loaded.
 * @param kernel name under shaders/, e.g. `mc/gbm.v1` or its variant `tensor/matmul.v1.dp4a`
 */
export function kernelSource(kernel: string): Promise<KernelSource> {
  let source = loaded.get(kernel)
  if (source === undefined) {
    source = load(kernel)
    loaded.set(kernel, source)
    // What failed to load once may load the next time.
    source.catch(() => loaded.delete(kernel))
  }
  return source
}

async function load(kernel: string): Promise<KernelSource> {
  const source = WGSL_KERNELS[kernel]
  invariant(source !== undefined, `there is a kernel ${kernel}`)
  const { WGSL, ADMISSION } = await source()
  const admission = ADMISSION === undefined ? undefined : await WebAssembly.compile(bytesOf(ADMISSION))
  return { wgsl: WGSL, admission }
}
