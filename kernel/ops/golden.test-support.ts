import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { canonicalJson } from '../canonical.ts'
import { type ContractInput, parseContract } from '../contract.ts'
import { sha256Hex } from '../digest.ts'
import type { Op } from '../job.ts'
import type { InputBytes } from './op.ts'
import { referenceLeaf } from './references.test-support.ts'

/** A fixed contract and what it gives: a released op never changes. */
export interface Golden {
  readonly name: string
  readonly contract: ContractInput
  readonly plan_digest: string
  /** SHA-256 of leaves by shard. */
  readonly leaves: Readonly<Record<string, string>>
  /** SHA-256 of the result's canonical form; absent where the job is too long for a test. */
  readonly result_digest?: string
}

/** One test for each contract of the golden.json beside the op. */
export function testGolden(op: Op, folder: string, inputs: InputBytes = new Map()): void {
  const { contracts } = JSON.parse(readFileSync(new URL('golden.json', folder), 'utf8')) as {
    contracts: Golden[]
  }
  test.each(contracts)('golden: $name', ({ contract, plan_digest, leaves, result_digest }) => {
    const job = op.prepare(parseContract(contract))
    expect(job.planDigest).toBe(plan_digest)
    for (const [shard, digest] of Object.entries(leaves)) {
      expect(sha256Hex(referenceLeaf(job, Number(shard), inputs)), `shard ${shard}`).toBe(digest)
    }
    if (result_digest === undefined) return
    const aggregate = job.newAggregate()
    for (let shard = job.plan.shard_count - 1; shard >= 0; shard--) {
      aggregate.add(shard, referenceLeaf(job, shard, inputs))
    }
    expect(sha256Hex(canonicalJson(aggregate.finish().result))).toBe(result_digest)
  })
}
