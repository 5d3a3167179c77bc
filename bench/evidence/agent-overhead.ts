import { generateKey, identityOf } from '../../agent-runtime/identity.ts'
import { WasmExecutor } from '../../agent-runtime/wasm/executor.ts'
import { bytesToHex, sha256 } from '../../kernel/digest.ts'
import { merkleRootOfDigests } from '../../kernel/merkle.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { type Receipt, receiptBytes } from '../../kernel/receipt.ts'
import { opJob } from '../ops/workloads.ts'
import { median } from '../pairs.ts'
import type { Row, SuiteOptions } from '../suite.ts'

/**
 * What an agent spends on evidence: the digest of each leaf, the root of the lease, the signature of its receipt, against
 * the execution of the same shards. Leases of two shards, the first that an agent gets: longer ones share the signature.
 */

const never = new AbortController().signal

interface Share {
  readonly op: string
  readonly share: number
  readonly shard_ms: number
  readonly evidence_ms: number
}

export async function agentOverhead({ rounds, say }: SuiteOptions): Promise<Row> {
  const identity = await identityOf(await generateKey())
  const shares: Share[] = []
  for (const op of OPS.list()) {
    const { job, inputs, shards } = opJob(op)
    const [first = 0] = shards
    const runner = await new WasmExecutor().prepare(job, inputs)
    const execution: number[] = []
    const evidence: number[] = []
    // The first round compiles.
    for (let round = 0; round <= rounds; round++) {
      const leaves: Uint8Array[] = []
      let startedAt = performance.now()
      for await (const { leaf } of runner.run(first, shards.length, never)) leaves.push(leaf)
      const executed = performance.now() - startedAt
      startedAt = performance.now()
      const digests = new Uint8Array(32 * leaves.length)
      for (const [at, leaf] of leaves.entries()) digests.set(sha256(leaf), 32 * at)
      const receipt: Receipt = {
        receipt: 1,
        lease_id: '1.1',
        epoch: 1,
        contract_hash: job.contractHash,
        plan_digest: job.planDigest,
        first,
        count: leaves.length,
        result_root: bytesToHex(merkleRootOfDigests(digests)),
        executor: 'wasm',
        software: 'forge-agent/bench',
      }
      await identity.sign(receiptBytes(receipt))
      if (round === 0) continue
      execution.push(executed)
      evidence.push(performance.now() - startedAt)
    }
    runner.close()
    const [shard_ms, evidence_ms] = [median(execution) / shards.length, median(evidence) / shards.length]
    shares.push({ op: op.id, share: (100 * evidence_ms) / shard_ms, shard_ms, evidence_ms })
    say(`  ${op.id}: ${evidence_ms.toFixed(3)} of ${shard_ms.toFixed(1)} ms a shard`)
  }
  const sorted = shares.toSorted((a, b) => b.share - a.share)
  const [worst] = sorted
  return {
    id: 'agent_overhead',
    what: "hashing and signing against the shards' execution on one thread, worst op",
    unit: '%',
    value: worst?.share ?? null,
    ours: null,
    peer: null,
    peer_value: null,
    rate: '%',
    at_most: 2,
    spread: [sorted.at(-1)?.share ?? 0, worst?.share ?? 0],
    notes: sorted
      .slice(0, 3)
      .map(
        ({ op, share, shard_ms, evidence_ms }) =>
          `${op}: ${evidence_ms.toFixed(3)} ms of a shard's ${shard_ms.toFixed(1)} ms, ${share.toFixed(2)} %`,
      ),
  }
}
