import { setTimeout as rest } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { parseJsonStrict } from '../../../kernel/canonical.ts'
import { ForgeError, invariant } from '../../../kernel/errors.ts'
import { WasmProgram } from '../../../kernel/execute/wasm-program.ts'
import { OPS } from '../../../kernel/ops/registry.ts'
import { kernelModule } from '../../../shaders/modules.ts'
import {
  type RefereeAnswer,
  type RefereeRequest,
  refereeDataSchema,
  refereeRequestSchema,
} from './messages.ts'

/** The referee's thread: runs one shard after the other by the compiled kernels, within its share of the CPU. */

const port = parentPort
invariant(port !== null, 'the referee runs in a worker thread')
const { cpu_share } = refereeDataSchema.parse(workerData)
const jobs = new Map<string, Promise<WasmProgram>>()
const queue: (RefereeRequest & { t: 'run' })[] = []
let busy = false
let owed_rest_ms = 0

port.on('message', (message: unknown) => {
  const request = refereeRequestSchema.parse(message)
  if (request.t === 'load') {
    const loading = load(request)
    // Whoever asks for a shard hears of it.
    loading.catch(() => undefined)
    jobs.set(request.contract_hash, loading)
    return
  }
  if (request.t === 'unload') {
    jobs.delete(request.contract_hash)
    return
  }
  queue.push(request)
  void drain()
})

async function drain(): Promise<void> {
  if (busy) return
  busy = true
  for (let request = queue.shift(); request !== undefined; request = queue.shift()) {
    answer(await execute(request))
  }
  busy = false
}

/** Rests in proportion to what was worked; short rests are saved up, a timer does not know less than a millisecond. */
async function restAfter(worked_ms: number): Promise<void> {
  owed_rest_ms += (worked_ms * (1 - cpu_share)) / cpu_share
  if (owed_rest_ms < 1) return
  const rest_ms = owed_rest_ms
  owed_rest_ms = 0
  await rest(rest_ms)
}

async function load(request: RefereeRequest & { t: 'load' }): Promise<WasmProgram> {
  const program = OPS.prepare(parseJsonStrict(request.canonical)).gpu()
  return new WasmProgram(await kernelModule(program.kernel), program, new Map(request.inputs))
}

async function execute(request: RefereeRequest & { t: 'run' }): Promise<RefereeAnswer> {
  try {
    const program = await jobs.get(request.contract_hash)
    if (program === undefined) throw new ForgeError('INTERNAL', 'the job is not loaded')
    const leaves: Uint8Array[] = []
    for (const shard of request.shards) {
      const started = performance.now()
      leaves.push(program.leaf(shard))
      await restAfter(performance.now() - started)
    }
    return { t: 'done', id: request.id, leaves }
  } catch (error) {
    return { t: 'failed', id: request.id, message: error instanceof Error ? error.message : String(error) }
  }
}

function answer(message: RefereeAnswer): void {
  port?.postMessage(message)
}
