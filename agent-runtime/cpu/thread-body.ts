import { parseJsonStrict } from '../../kernel/canonical.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { asForgeError } from '../failure.ts'
import type { ThreadReply, ThreadRequest } from './thread-messages.ts'

/**
 * What the computing thread does: prepare jobs, execute one shard when asked. It never looks at a clock or a stop
 * signal; whoever wants it to stop ends the thread.
 */
export function serveThread(reply: (reply: ThreadReply) => void): (request: ThreadRequest) => void {
  const jobs = new Map<number, { readonly job: PreparedJob; readonly inputs: InputBytes }>()
  return (request) => {
    try {
      switch (request.t) {
        case 'prepare':
          jobs.set(request.job, {
            job: OPS.prepare(parseJsonStrict(request.canonical)),
            inputs: request.inputs,
          })
          reply({ t: 'prepared', job: request.job })
          return
        case 'shard': {
          const held = jobs.get(request.job)
          if (held === undefined) throw new Error(`job ${request.job} was not prepared`)
          const leaf = held.job.reference(request.shard, held.inputs)
          reply({ t: 'leaf', job: request.job, shard: request.shard, leaf })
          return
        }
        case 'close':
          jobs.delete(request.job)
          return
        default:
          request satisfies never
      }
    } catch (thrown) {
      reply({ t: 'failed', job: request.job, error: asForgeError(thrown).toJSON() })
    }
  }
}
