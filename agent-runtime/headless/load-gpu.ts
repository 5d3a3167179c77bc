import { asForgeError } from '../failure.ts'

/** A GPU for Node, or why there is none, in words for the owner. */
export interface NodeGpu {
  readonly gpu: GPU | undefined
  readonly reason: string
}

/**
 * Node has no WebGPU of its own; a package such as `webgpu` (Dawn) brings one.
 * @param module name of the package, as the owner gave it
 */
export async function loadGpu(module: string | undefined): Promise<NodeGpu> {
  if (module === undefined) {
    return { gpu: undefined, reason: 'Node has no WebGPU of its own: name a package with --webgpu-module' }
  }
  try {
    const loaded: unknown = await import(module)
    if (
      typeof loaded === 'object' &&
      loaded !== null &&
      'create' in loaded &&
      typeof loaded.create === 'function'
    ) {
      return { gpu: loaded.create([]) as GPU, reason: '' }
    }
    return { gpu: undefined, reason: `${module} gives no WebGPU: it exports no create()` }
  } catch (thrown) {
    return { gpu: undefined, reason: `${module} could not be loaded: ${asForgeError(thrown).message}` }
  }
}
