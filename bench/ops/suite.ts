import { WasmExecutor } from '../../agent-runtime/wasm/executor.ts'
import { referenceLeaf } from '../../kernel/ops/references.test-support.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { bestForm, type ModuleForm } from '../../shaders/modules.ts'
import { bestOf } from '../kernels/executor-rates.ts'
import { type Comparison, compare, type Found } from '../pairs.ts'
import type { Row, Suite, SuiteOptions, SuiteRun } from '../suite.ts'
import { type OpJob, opJob } from './workloads.ts'

/** Work units per second of every op on one thread: the SIMD module against the scalar one, and the reference. */

const RATE = 'M work units/s'
const RUNS = 3
/** A run repeats its shards until it has lasted so long. */
const RUN_MS = 100
const WARM_UP_MS = 500

const never = new AbortController().signal

/** @param pass runs the job's shards once */
async function rateOf(units: number, pass: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  let [passes, ms] = [0, 0]
  while (ms < RUN_MS) {
    await pass()
    passes++
    ms = performance.now() - startedAt
  }
  return (passes * units) / ms / 1000
}

function repeated(name: string, units: number, pass: () => Promise<void>): Found {
  return {
    name,
    async warmUp() {
      const until = performance.now() + WARM_UP_MS
      while (performance.now() < until) await pass()
    },
    sample: () => bestOf(RUNS, () => rateOf(units, pass)),
  }
}

async function onWasm({ job, inputs, shards, units }: OpJob, form: ModuleForm): Promise<Found> {
  if (form === 'simd' && bestForm() === 'scalar') return { missing: 'this engine has no SIMD128' }
  const runner = await new WasmExecutor(form).prepare(job, inputs)
  return repeated(`WASM ${form}`, units, async () => {
    for await (const _ of runner.run(shards[0] ?? 0, shards.length, never));
  })
}

function onReference({ job, inputs, shards, units }: OpJob): Found {
  return repeated('TypeScript reference', units, async () => {
    for (const shard of shards) referenceLeaf(job, shard, inputs)
  })
}

function comparisons(): readonly Comparison[] {
  return OPS.list().flatMap((op) => {
    const prepared = () => opJob(op)
    const row = (against: string, peer: (job: OpJob) => Promise<Found>): Comparison => ({
      id: `${op.id}/${against}`,
      what: op.title,
      rate: RATE,
      ours: () => onWasm(prepared(), 'simd'),
      peer: () => peer(prepared()),
    })
    return [row('scalar', (job) => onWasm(job, 'scalar')), row('reference', async (job) => onReference(job))]
  })
}

async function run({ only, rounds, say }: SuiteOptions): Promise<SuiteRun> {
  const rows: Row[] = []
  for (const comparison of comparisons())
    if (only.has(comparison.id)) rows.push(await compare(comparison, rounds, say))
  return { rows, adapters: [] }
}

/** Every op's WASM modules, beside each other. */
export const ops: Suite = {
  name: 'ops',
  title: 'every op on one thread: its SIMD module against the scalar one and the reference',
  ids: () => comparisons().map(({ id }) => id),
  run,
}
