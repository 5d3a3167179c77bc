import { setTimeout as rest } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { parseJsonStrict } from '../../../kernel/canonical.ts'
import { ForgeError, invariant } from '../../../kernel/errors.ts'
import { WasmProgram } from '../../../kernel/execute/wasm-program.ts'
import type { PreparedJob } from '../../../kernel/job.ts'
import type { InputBytes } from '../../../kernel/ops/op.ts'
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
interface LoadedJob {
  readonly job: PreparedJob
  readonly inputs: InputBytes
  readonly program: WasmProgram
}

type Work = RefereeRequest & { t: 'run' | 'check' }

const jobs = new Map<string, Promise<LoadedJob>>()
const queue: Work[] = []
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
    answer(await perform(request))
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

async function load(request: RefereeRequest & { t: 'load' }): Promise<LoadedJob> {
  const job = OPS.prepare(parseJsonStrict(request.canonical))
  const inputs = new Map(request.inputs)
  const program = job.gpu()
  return { job, inputs, program: new WasmProgram(await kernelModule(program.kernel), program, inputs) }
}

async function perform(work: Work): Promise<RefereeAnswer> {
  try {
    const loaded = await jobs.get(work.contract_hash)
    if (loaded === undefined) throw new ForgeError('INTERNAL', 'the job is not loaded')
    return work.t === 'run' ? await execute(loaded, work) : await check(loaded, work)
  } catch (error) {
    return { t: 'failed', id: work.id, message: error instanceof Error ? error.message : String(error) }
  }
}

async function execute({ program }: LoadedJob, work: Work & { t: 'run' }): Promise<RefereeAnswer> {
  const leaves: Uint8Array[] = []
  for (const shard of work.shards) {
    const started = performance.now()
    leaves.push(program.leaf(shard))
    await restAfter(performance.now() - started)
  }
  return { t: 'done', id: work.id, leaves }
}

async function check({ job, inputs }: LoadedJob, work: Work & { t: 'check' }): Promise<RefereeAnswer> {
  const { algebraic } = job
  if (algebraic === undefined) throw new ForgeError('INTERNAL', `${job.op} has no algebraic check`)
  const wrong: number[] = []
  for (const [at, shard] of work.shards.entries()) {
    const started = performance.now()
    const leaf = work.leaves[at]
    invariant(leaf !== undefined, 'a leaf for each shard')
    if (algebraic.check(inputs, shard, leaf, work.secret) !== undefined) wrong.push(at)
    await restAfter(performance.now() - started)
  }
  return { t: 'checked', id: work.id, wrong }
}

function answer(message: RefereeAnswer): void {
  port?.postMessage(message)
}
