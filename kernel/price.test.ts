import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Verify } from './contract.ts'
import { LIMITS } from './limits.ts'
import { chargedCopies, jobPrice, shardPrice, totalCredits, WORK_UNITS_PER_CREDIT } from './price.ts'

const copiesOf = (copies: number): Verify => (copies === 1 ? { mode: 'none' } : { mode: 'quorum', k: copies })

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
    expect(jobPrice(work, copiesOf(copies))).toMatchObject(price)
  })

  it('itemises the computation and, when there is one, the verification', () => {
    const work = { shard_count: 10, work_units: 10_000 }
    expect(jobPrice(work, copiesOf(1)).items).toEqual([{ kind: 'computation', copies: 10, credits: 10 }])
    expect(jobPrice(work, copiesOf(3)).items).toEqual([
      { kind: 'computation', copies: 10, credits: 10 },
      { kind: 'verification', copies: 20, credits: 20 },
    ])
  })

  it.each([
    [{ mode: 'spotcheck', rate: 0.02 }, 2, { computation: 1000, referee: 20 }],
    [{ mode: 'spotcheck', rate: 1 }, 2, { computation: 1000, referee: 1000 }],
    [{ mode: 'full' }, 3, { computation: 1000, verification: 1000, referee: 50 }],
    [{ mode: 'adaptive', epsilon: 1e-4 }, 2, { computation: 1000, verification: 1000 }],
    [{ mode: 'algebraic' }, 1, { computation: 1000 }],
  ] as const)('under %o charges at most %i copies of a shard and holds %o', (verify, copies, kinds) => {
    const { items } = jobPrice({ shard_count: 1000, work_units: 1_000_000 }, verify)
    expect(Object.fromEntries(items.map((item) => [item.kind, item.copies]))).toEqual(kinds)
    expect(chargedCopies(verify)).toBe(copies)
  })

  it('covers the work, by less than one credit a shard, and is the sum of its items', () => {
    fc.assert(
      fc.property(plan, fc.integer({ min: 1, max: LIMITS.quorum_max }), (work, copies) => {
        const price = jobPrice(work, copiesOf(copies))
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
        expect(jobPrice(work, copiesOf(copies + 1)).credits).toBeGreaterThan(
          jobPrice(work, copiesOf(copies)).credits,
        )
      }),
    )
  })
})
