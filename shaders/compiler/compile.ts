import type { LinkedSource } from '../link.ts'
import { emitAdmission, emitLanes, emitScalar } from './emit.ts'
import { lowerKernel } from './lower.ts'
import { type Proof, prove } from './prove.ts'
import { scanModule } from './scan.ts'

/** A kernel as machines without a GPU run it. */
export interface CompiledKernel {
  /** For every engine. */
  readonly scalar: Uint8Array
  /** For engines with SIMD128. */
  readonly simd: Uint8Array
  /** `admit` alone, for hosts that run the kernel on a device. */
  readonly admission: Uint8Array
  readonly proof: Proof
}

/**
 * Compiles a normative kernel. The same text gives the same bytes.
 * @param name path under shaders/ without its ending
 * @param options `optimise` false: quick to compile, slow to run, the same results
 * @throws KernelRefusal with file, line, reason and what to write instead
 */
export function compileKernel(
  name: string,
  source: LinkedSource,
  { optimise = true }: { readonly optimise?: boolean } = {},
): CompiledKernel {
  const kernel = lowerKernel(name, source)
  const proof = prove(kernel)
  const scalar = emitScalar(kernel, proof, optimise)
  const simd = emitLanes(kernel, proof, optimise)
  const admission = emitAdmission(kernel, proof)
  for (const bytes of [scalar, simd, admission]) {
    const problems = scanModule(bytes)
    if (problems.length > 0)
      throw new Error(`${name} was compiled to what is not deterministic: ${problems.join(', ')}`)
  }
  return { scalar, simd, admission, proof }
}
