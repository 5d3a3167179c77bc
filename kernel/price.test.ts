import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LIMITS } from './limits.ts'
import { jobPrice, shardPrice, totalCredits, WORK_UNITS_PER_CREDIT } from './price.ts'

const plan = fc.record({
  shard_count: fc.integer({ min: 1, max: LIMITS.shards }),
  work_units: fc.integer({ min: 0, max: 1e14 }),
})

describe('the price of a job', () => {
  it.each([
    [{ shard_count: 100, work_units: 20_000_000 }, 2, { shard_price: 200, credits: 40_000 }],
    [{ shard_count: 3, work_units: 1 }, 1, { shard_price: 1, credits: 3 }],
    [{ shard_count: 7, work_units: 7_001 }, 3, { shard_price: 2, credits: 42 }],
    [{ shard_count: 1, work_units: 0 }, 1, { shard_price: 1, credits: 1 }],
  ])('of %o in %i copies is %o', (work, copies, price) => {
    expect(jobPrice(work, copies)).toMatchObject(price)
  })

  it('itemises the computation and, when there is one, the verification', () => {
    const work = { shard_count: 10, work_units: 10_000 }
    expect(jobPrice(work, 1).items).toEqual([{ kind: 'computation', copies: 10, credits: 10 }])
    expect(jobPrice(work, 3).items).toEqual([
      { kind: 'computation', copies: 10, credits: 10 },
      { kind: 'verification', copies: 20, credits: 20 },
    ])
  })

  it('covers the work, by less than one credit a shard, and is the sum of its items', () => {
    fc.assert(
      fc.property(plan, fc.integer({ min: 1, max: LIMITS.quorum_max }), (work, copies) => {
        const price = jobPrice(work, copies)
        const unit = BigInt(WORK_UNITS_PER_CREDIT) * BigInt(work.shard_count)
        expect(BigInt(shardPrice(work)) * unit).toBeGreaterThanOrEqual(BigInt(work.work_units))
        if (price.shard_price > 1)
          expect(BigInt(price.shard_price - 1) * unit).toBeLessThan(BigInt(work.work_units))
        expect(totalCredits(price.items)).toBe(price.credits)
        expect(price.credits).toBe(price.shard_price * work.shard_count * copies)
      }),
    )
  })

  it('does not depend on anything but plan and copies: more of either never costs less', () => {
    fc.assert(
      fc.property(plan, fc.integer({ min: 1, max: LIMITS.quorum_max - 1 }), (work, copies) => {
        expect(jobPrice(work, copies + 1).credits).toBeGreaterThan(jobPrice(work, copies).credits)
      }),
    )
  })
})
