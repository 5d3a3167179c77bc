import type { PreparedJob } from '../../../kernel/job.ts'
import { referenceLeaf } from '../../../kernel/ops/references.test-support.ts'

const computed = new Map<string, Uint8Array>()

/** A leaf by the op's own arithmetic. An agent that repeats another's shard, and the test itself, need not do it again. */
export function leafOf(
  job: PreparedJob,
  shard: number,
  inputs: ReadonlyMap<string, Uint8Array> = new Map(),
): Uint8Array {
  const key = `${job.replayKey} ${shard}`
  const leaf = computed.get(key) ?? referenceLeaf(job, shard, inputs)
  computed.set(key, leaf)
  return leaf
}
