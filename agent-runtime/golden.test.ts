import { expect, test } from 'vitest'
import { sha256Hex } from '../kernel/digest.ts'
import { referenceLeaf } from '../kernel/ops/references.test-support.ts'
import { OPS } from '../kernel/ops/registry.ts'
import { GOLDEN_DIGESTS } from './generated/golden-digests.ts'
import { goldenJobs } from './golden.ts'

test.each(OPS.list().map(({ id }) => id))('the golden digests of %s are those of its reference', (op) => {
  const expected = goldenJobs(OPS, op).map(({ job, inputs }) =>
    Array.from({ length: job.plan.shard_count }, (_, shard) => sha256Hex(referenceLeaf(job, shard, inputs))),
  )
  expect(expected.length).toBeGreaterThan(0)
  expect(GOLDEN_DIGESTS[op]).toEqual(expected)
})
