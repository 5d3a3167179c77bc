import { describe, expect, it } from 'vitest'
import { OPS } from '../../kernel/ops/registry.ts'
import { ops } from './suite.ts'
import { opJob } from './workloads.ts'

describe.each(OPS.list())('$id', (op) => {
  it('has a job of whole shards, with operands for its inputs', () => {
    const { job, inputs, shards, units } = opJob(op)
    expect([...inputs.keys()].sort()).toEqual(Object.keys(op.inputs).sort())
    expect(shards.length).toBeGreaterThan(0)
    for (const shard of shards) expect(shard).toBeLessThan(job.plan.shard_count)
    expect(units).toBeGreaterThan(0)
  })

  it('is timed against its scalar module and its reference', () => {
    expect(ops.ids()).toContain(`${op.id}/scalar`)
    expect(ops.ids()).toContain(`${op.id}/reference`)
  })
})
