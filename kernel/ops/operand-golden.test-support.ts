import { expect } from 'vitest'
import { canonicalJson } from '../canonical.ts'
import { type ContractInput, type Dtype, parseContract } from '../contract.ts'
import { sha256Hex } from '../digest.ts'
import type { Op, PreparedJob } from '../job.ts'
import type { InputBytes } from './op.ts'
import { referenceLeaf } from './references.test-support.ts'

/** An operand whose bytes are `mixedBytes` of its salt. */
export interface GoldenOperand {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly salt: number
}

/** A fixed contract and what it gives. */
export interface Golden {
  readonly name: string
  readonly args: ContractInput['args']
  readonly operands: Readonly<Record<string, GoldenOperand>>
  readonly plan_digest: string
  /** SHA-256 of leaves by shard. */
  readonly leaves: Readonly<Record<string, string>>
  /** SHA-256 of the result's canonical form; absent where the job is too long for a test. */
  readonly result_digest?: string
}

const ELEMENT_BYTES: Readonly<Record<Dtype, number>> = {
  int8: 1,
  uint8: 1,
  int16: 2,
  int32: 4,
  uint32: 4,
  float32: 4,
  float64: 8,
}

/** Byte i is bits 16 to 23 of (i + salt) * 2654435761. */
export function mixedBytes(length: number, salt: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (Math.imul(i + salt, 2654435761) >>> 16) & 0xff)
}

/** A job over operands given by their bytes. */
export function jobOf(
  op: Op,
  args: ContractInput['args'],
  operands: Readonly<
    Record<string, { readonly dtype: Dtype; readonly shape: readonly number[]; readonly bytes: Uint8Array }>
  > = {},
): { readonly job: PreparedJob; readonly inputs: InputBytes } {
  const entries = Object.entries(operands)
  const job = op.prepare(
    parseContract({
      contract: 1,
      op: { ...op.ref },
      args,
      inputs: Object.fromEntries(
        entries.map(([name, { dtype, shape, bytes }]) => [
          name,
          { digest: sha256Hex(bytes), dtype, shape: [...shape] },
        ]),
      ),
      seed: { mode: 'explicit', value: 'golden' },
      verify: { mode: 'none' },
    }),
  )
  return { job, inputs: new Map(entries.map(([name, { bytes }]) => [name, bytes])) }
}

export function goldenJob(op: Op, { args, operands }: Pick<Golden, 'args' | 'operands'>) {
  return jobOf(
    op,
    args,
    Object.fromEntries(
      Object.entries(operands).map(([name, { dtype, shape, salt }]) => {
        const elements = shape.reduce((product, side) => product * side, 1)
        return [name, { dtype, shape, bytes: mixedBytes(elements * ELEMENT_BYTES[dtype], salt) }]
      }),
    ),
  )
}

/** Runs every shard, from the last to the first unless told otherwise, checks each leaf and folds it. */
export function outcomeOf({ job, inputs }: { job: PreparedJob; inputs: InputBytes }, forwards = false) {
  const aggregate = job.newAggregate()
  const shards = Array.from({ length: job.plan.shard_count }, (_, i) => i)
  for (const shard of forwards ? shards : shards.reverse()) {
    const leaf = referenceLeaf(job, shard, inputs)
    expect(job.checkLeaf(shard, leaf)).toBeUndefined()
    aggregate.add(shard, leaf)
  }
  return aggregate.finish()
}

export function checkGolden(op: Op, golden: Golden): void {
  const { job, inputs } = goldenJob(op, golden)
  expect(job.planDigest).toBe(golden.plan_digest)
  for (const [shard, digest] of Object.entries(golden.leaves))
    expect(sha256Hex(referenceLeaf(job, Number(shard), inputs)), `shard ${shard}`).toBe(digest)
  if (golden.result_digest !== undefined)
    expect(sha256Hex(canonicalJson(outcomeOf({ job, inputs }).result))).toBe(golden.result_digest)
}
