import { describe, expect, it } from 'vitest'
import { assertAvailable } from './contract.ts'
import { EXAMPLE_IDS, EXAMPLE_WORK_UNITS_MAX, EXAMPLES } from './examples.ts'
import { OPS } from './ops/registry.ts'

describe.each(EXAMPLE_IDS)('the example %s', (id) => {
  it('is a contract that the network takes, within its cap, verified by a quorum', () => {
    const job = OPS.prepare(EXAMPLES[id].contract)
    assertAvailable(job.contract)
    expect(job.contract.verify).toMatchObject({ mode: 'quorum' })
    expect(job.plan.work_units).toBeLessThanOrEqual(EXAMPLE_WORK_UNITS_MAX)
    expect(job.plan.shard_count).toBeGreaterThanOrEqual(4)
  })
})

it('every example can be named', () => {
  expect([...EXAMPLE_IDS].sort()).toEqual(Object.keys(EXAMPLES).sort())
})
