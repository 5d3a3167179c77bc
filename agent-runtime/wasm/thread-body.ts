import { parseJsonStrict } from '../../kernel/canonical.ts'
import { WasmProgram } from '../../kernel/execute/wasm-program.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { kernelModule } from '../../shaders/modules.ts'
import { asForgeError } from '../failure.ts'
import type { ThreadReply, ThreadRequest } from './thread-messages.ts'

/**
 * What the computing thread does: prepare jobs, execute one shard when asked, in the order of the requests. It never
 * looks at a clock or a stop signal; whoever wants it to stop ends the thread.
 */
export function serveThread(reply: (reply: ThreadReply) => void): (request: ThreadRequest) => void {
  const programs = new Map<number, WasmProgram>()

  async function serve(request: ThreadRequest): Promise<void> {
    switch (request.t) {
      case 'prepare': {
        const program = OPS.prepare(parseJsonStrict(request.canonical)).gpu()
        const module = await kernelModule(program.kernel, request.form)
        programs.set(request.job, new WasmProgram(module, program, request.inputs))
        reply({ t: 'prepared', job: request.job })
        return
      }
      case 'shard': {
        const program = programs.get(request.job)
        if (program === undefined) throw new Error(`job ${request.job} was not prepared`)
        reply({ t: 'leaf', job: request.job, shard: request.shard, leaf: program.leaf(request.shard) })
        return
      }
      case 'close':
        programs.delete(request.job)
        return
      default:
        request satisfies never
    }
  }

  let last = Promise.resolve()
  return (request) => {
    last = last.then(async () => {
      try {
        await serve(request)
      } catch (thrown) {
        reply({ t: 'failed', job: request.job, error: asForgeError(thrown).toJSON() })
      }
    })
  }
}
