import { invariant } from '../kernel/errors.ts'
import { WASM_MODULES } from './generated/wasm/index.ts'

/** Which form of a kernel's module: `scalar` runs on every engine, `simd` needs SIMD128. */
export type ModuleForm = 'scalar' | 'simd'

const compiled = new Map<string, Promise<WebAssembly.Module>>()

/**
 * A normative kernel's module, compiled by this engine once. Only the modules that are asked for are loaded.
 * @param kernel name under shaders/, e.g. `mc/gbm.v1`
 * @param form by default the fastest that this engine can run
 */
export function kernelModule(kernel: string, form: ModuleForm = bestForm()): Promise<WebAssembly.Module> {
  const key = `${kernel} ${form}`
  let module = compiled.get(key)
  if (module === undefined) {
    module = load(kernel, form)
    compiled.set(key, module)
    // What failed to load once may load the next time.
    module.catch(() => compiled.delete(key))
  }
  return module
}

async function load(kernel: string, form: ModuleForm): Promise<WebAssembly.Module> {
  const modules = WASM_MODULES[kernel]
  invariant(modules !== undefined, `the kernel ${kernel} was compiled to WASM`)
  const { SCALAR, SIMD } = await modules()
  return WebAssembly.compile(bytesOf(form === 'simd' ? SIMD : SCALAR))
}

/** A function of one instruction, i32x4.splat, and its result dropped. */
const SIMD_PROBE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 9, 1, 7, 0, 65, 0, 253, 17, 26, 11,
]

/** The fastest form that this engine can run. */
export function bestForm(): ModuleForm {
  return WebAssembly.validate(Uint8Array.from(SIMD_PROBE)) ? 'simd' : 'scalar'
}

/** Decodes base64. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
}
