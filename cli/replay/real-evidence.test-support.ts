import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { toBase64 } from '../../kernel/base64.ts'
import { canonicalJson } from '../../kernel/canonical.ts'
import { bytesToHex, sha256, sha256Hex } from '../../kernel/digest.ts'
import { assemble, digestRows } from '../../kernel/evidence/assemble.ts'
import { sealStatement } from '../../kernel/evidence/envelope.ts'
import { recordStatement } from '../../kernel/evidence/record.ts'
import { makeSample, proofOf } from '../../kernel/evidence/sample.test-support.ts'
import { merkleRootOfDigests } from '../../kernel/merkle.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'
import { referenceLeaf } from '../../kernel/ops/references.test-support.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { receiptBytes } from '../../kernel/receipt.ts'

/**
 * Writes evidence of a job that one agent executed by the ops' own formulas: what a replay of it gives is known.
 * @returns the file
 */
export async function writeRealEvidence(
  folder: string,
  contract: Record<string, unknown>,
  inputs: InputBytes,
): Promise<string> {
  const sample = await makeSample({ mode: 'none' })
  const job = OPS.prepare({ contract: 1, verify: { mode: 'none' }, ...contract })
  const aggregate = job.newAggregate()
  const parts: Uint8Array[] = []
  for (let shard = 0; shard < job.plan.shard_count; shard++) {
    const leaf = referenceLeaf(job, shard, inputs)
    aggregate.add(shard, leaf)
    parts.push(sha256(leaf))
  }
  const digests = new Uint8Array(Buffer.concat(parts))
  const [agent] = sample.agents
  if (agent === undefined) throw new Error('the sample has an agent')
  const receipt = {
    receipt: 1,
    lease_id: '1.1',
    epoch: 1,
    contract_hash: job.contractHash,
    plan_digest: job.planDigest,
    first: 0,
    count: job.plan.shard_count,
    result_root: bytesToHex(merkleRootOfDigests(digests)),
    executor: 'wasm',
    software: 'forge-agent/0.0.0',
  } as const
  const result = canonicalJson(aggregate.finish().result)
  const accepted = job.plan.shard_count
  const copies = [{ agent: bytesToHex(sha256(agent.publicKey)), owner: 'owner', executor: 'wasm' as const }]
  const assembled = assemble({
    ...sample.settled,
    job,
    accepted,
    runs: [{ first: 0, count: accepted, method: 'single', digests, copies }],
    receipts: [{ receipt, publicKey: agent.publicKey, signature: agent.sign(receiptBytes(receipt)) }],
    result_digest: sha256Hex(result),
  })
  const envelope = await sealStatement(recordStatement(assembled.record), sample.hub)
  const bundle = {
    ...sample.bundle,
    contract: job.canonical,
    replay_key_material: job.replayKeyMaterial,
    envelope,
    result,
    trace: assembled.trace,
    receipts: assembled.receipts,
    digests: digestRows(assembled.digests),
    log: { proof: await proofOf(envelope, sample) },
    keys: { ...sample.bundle.keys, hub: toBase64(sample.hub.publicKey) },
  }
  const file = path.join(folder, `${job.contractHash.slice(0, 16)}.forge`)
  await writeFile(file, JSON.stringify(bundle))
  return file
}
