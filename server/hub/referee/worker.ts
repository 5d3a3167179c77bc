import { WasmProgram } from '../../../kernel/execute/wasm-program.ts'
import { OPS } from '../../../kernel/ops/registry.ts'
import { kernelModule } from '../../../shaders/modules.ts'
import { serveReferee } from './thread.ts'

/** The referee's thread of the server: every op of the network by its compiled kernel. */
serveReferee({
  ops: OPS,
  async program(job, inputs) {
    const program = job.gpu()
    return new WasmProgram(await kernelModule(program.kernel), program, inputs)
  },
})
