import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../kernel/canonical.ts'
import { sha256Hex } from '../kernel/digest.ts'
import { ForgeError } from '../kernel/errors.ts'
import { referenceLeaf } from '../kernel/ops/references.test-support.ts'
import { OPS } from '../kernel/ops/registry.ts'
import { ManualClock } from './manual-clock.test-support.ts'
import { type ReexecutionEvent, type ReexecutionRequest, reexecute } from './reexecute.ts'
import { WasmExecutor } from './wasm/executor.ts'

const OPERAND = new Uint8Array(16).map((_, i) => i)

const job = OPS.prepare({
  contract: 1,
  op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
  args: {},
  inputs: Object.fromEntries(
    ['a', 'b'].map((name) => [name, { digest: sha256Hex(OPERAND), dtype: 'int8', shape: [4, 4] }]),
  ),
  seed: { mode: 'derived' },
  verify: { mode: 'quorum', k: 2 },
})
const inputs = new Map([
  ['a', OPERAND],
  ['b', OPERAND],
])

function honest(): ReexecutionRequest {
  const aggregate = job.newAggregate()
  const shards = Array.from({ length: job.plan.shard_count }, (_, shard) => {
    const leaf = referenceLeaf(job, shard, inputs)
    aggregate.add(shard, leaf)
    return { shard, digest: sha256Hex(leaf) }
  })
  return {
    canonical: job.canonical,
    contract_hash: job.contractHash,
    plan_digest: job.planDigest,
    result_digest: sha256Hex(canonicalJson(aggregate.finish().result)),
    result_shards: job.plan.shard_count,
    shards,
  }
}

/** A job of three shards at most that meets its target after two of them, and the shards asked for. */
function stopped(shards = 2): ReexecutionRequest {
  const priced = OPS.prepare({
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'gbm.v1' },
    args: {
      ...OPS.get('mc@1/gbm.v1').example,
      style: 'european',
      steps: 64,
      paths: 180_000,
      convergence: { target: { standard_error: 0.036 } },
    },
    seed: { mode: 'explicit', value: 'reexecute' },
    verify: { mode: 'none' },
  })
  const aggregate = priced.newAggregate()
  const leaves = Array.from({ length: shards }, (_, shard) => {
    const leaf = referenceLeaf(priced, shard, new Map())
    aggregate.add(shard, leaf)
    return { shard, digest: sha256Hex(leaf) }
  })
  return {
    canonical: priced.canonical,
    contract_hash: priced.contractHash,
    plan_digest: priced.planDigest,
    result_digest: sha256Hex(canonicalJson(aggregate.finish().result)),
    result_shards: aggregate.covered ?? 0,
    shards: leaves,
  }
}

async function run(request: ReexecutionRequest, signal = new AbortController().signal) {
  const events: ReexecutionEvent[] = []
  const asked: string[] = []
  const result = await reexecute(
    {
      host: { gpu: undefined, noGpuReason: 'no WebGPU in Node', makeCpu: async () => new WasmExecutor() },
      registry: OPS,
      clock: new ManualClock(),
      operand: async (digest) => {
        asked.push(digest)
        return OPERAND
      },
    },
    request,
    (event) => events.push(event),
    signal,
  )
  return { result, events, asked }
}

describe('executing shards of a settled job again', () => {
  it('gives the accepted digests, and with every shard the result itself', async () => {
    const request = honest()
    const { result, events, asked } = await run(request)
    expect(result.shards.map(({ shard, digest, equal }) => ({ shard, digest, equal }))).toEqual(
      request.shards.map((shard) => ({ ...shard, equal: true })),
    )
    expect(result.whole).toEqual({ digest: request.result_digest, equal: true })
    expect(events.map(({ t }) => t)).toEqual(['operands', 'executor', ...request.shards.map(() => 'shard')])
    // The same bytes under two names are fetched once.
    expect(asked).toEqual([sha256Hex(OPERAND)])
  })

  it('shows a digest that was not computed, and a result that does not follow from its shards', async () => {
    const request = honest()
    const forged = request.shards.map((shard) => ({ ...shard, digest: sha256Hex('forged') }))
    const { result } = await run({ ...request, shards: forged, result_digest: sha256Hex('forged') })
    expect(result.shards.map(({ equal }) => equal)).toEqual(forged.map(() => false))
    expect(result.whole?.equal).toBe(false)
  })

  it('stops where the looks say: another stopping point is found out when every shard is executed', async () => {
    const request = stopped()
    expect(request.result_shards).toBe(2)
    expect((await run(request)).result.whole).toEqual({ digest: request.result_digest, equal: true })
    // A site that stops too early, or too late, cannot say so about its own contract.
    const all = stopped(3)
    for (const shards of [1, 3]) {
      const claimed = { ...request, result_shards: shards, shards: all.shards.slice(0, shards) }
      expect((await run(claimed)).result.whole).toEqual({ digest: undefined, equal: false })
    }
    // A draw of some shards says nothing about the whole.
    const draw = { ...request, shards: request.shards.slice(0, 1) }
    expect((await run(draw)).result.whole).toBeUndefined()
  })

  it('finds out another contract than the one that was hashed, before anything runs', async () => {
    const other = job.canonical.replace('"k":2', '"k":3')
    expect(other).not.toBe(job.canonical)
    for (const change of [{ canonical: other }, { plan_digest: sha256Hex('another plan') }]) {
      await expect(run({ ...honest(), ...change })).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
    }
  })

  it('stops at an abort', async () => {
    const stopped = run(honest(), AbortSignal.abort())
    await expect(stopped).rejects.toThrow(ForgeError)
    await expect(stopped).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})
