import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  billedCopies,
  type PayableWork,
  REFEREE,
  type Split,
  splitCharge,
  surplusPayouts,
  workDone,
} from './bill.ts'

const SPLIT: Split = { contributor_permille: 800, site_permille: 100 }
const copy = (agent: string, owner = `owner of ${agent}`) => ({ agent, owner })
const referee = copy(REFEREE, REFEREE)
const shard = (...copies: { agent: string; owner: string }[]) => ({ count: 1, copies })

describe('work done', () => {
  it('counts the first copy of a shard as computation, the others as its verification', () => {
    const shards = [shard(copy('a'), copy('b')), shard(copy('b'), copy('a')), shard(copy('a'), referee)]
    expect(workDone(shards, 'submitter', 2)).toEqual([
      { ...copy('a'), computation: 2, verification: 1 },
      { ...copy('b'), computation: 1, verification: 1 },
      { ...referee, computation: 0, verification: 1 },
    ])
    expect(billedCopies(workDone(shards, 'submitter', 2))).toEqual({
      computation: 3,
      verification: 2,
      referee: 1,
    })
  })

  it('leaves out the copies of the submitter’s own agents', () => {
    const own = copy('mine', 'submitter')
    expect(workDone([shard(own)], 'submitter', 1)).toEqual([])
    expect(workDone([shard(own, referee)], 'submitter', 2)).toEqual([
      { ...referee, computation: 1, verification: 0 },
    ])
    expect(billedCopies(workDone([shard(own, referee)], 'submitter', 2)).referee).toBe(1)
  })

  it('counts no more copies than were asked for', () => {
    expect(workDone([shard(copy('a'), copy('b'), copy('c'))], 'submitter', 2)).toHaveLength(2)
  })

  it('keeps apart what one agent did for two owners', () => {
    expect(workDone([shard(copy('a', 'x')), shard(copy('a', 'y'))], 'submitter', 1)).toHaveLength(2)
  })

  const copies = fc.array(
    fc.record({ agent: fc.constantFrom('a', 'b', 'c'), owner: fc.constantFrom('x', 'y', 'submitter') }),
    { maxLength: 5 },
  )
  it('adds up to the chargeable copies, however the shards are grouped and ordered', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ count: fc.integer({ min: 1, max: 64 }), copies })),
        fc.integer({ min: 1, max: 4 }),
        (shards, needed) => {
          const total = (work: ReturnType<typeof workDone>) =>
            work.reduce((sum, { computation, verification }) => sum + computation + verification, 0)
          const chargeable = shards.reduce(
            (sum, one) =>
              sum +
              one.count * Math.min(needed, one.copies.filter(({ owner }) => owner !== 'submitter').length),
            0,
          )
          expect(total(workDone(shards, 'submitter', needed))).toBe(chargeable)
          expect(total(workDone([...shards].reverse(), 'submitter', needed))).toBe(chargeable)
          const one_by_one = shards.flatMap((each) => workDone([each], 'submitter', needed))
          expect(total(one_by_one)).toBe(chargeable)
          expect(billedCopies(one_by_one)).toEqual(billedCopies(workDone(shards, 'submitter', needed)))
        },
      ),
    )
  })
})

describe('the division of a charge', () => {
  it('pays contributor, site and network by their shares, and the network’s own work to the network', () => {
    const work: PayableWork[] = [
      { agent: 'a', copies: 3, payee: 'ada', site: undefined },
      { agent: 'b', copies: 1, payee: 'bob', site: { site_id: 's', payee: 'sam' } },
      { agent: REFEREE, copies: 2, payee: undefined, site: undefined },
    ]
    expect(splitCharge(101, work, SPLIT)).toEqual([
      { code: 'contribution', payee: 'ada', agent: 'a', credits: 242 },
      { code: 'contribution', payee: 'bob', agent: 'b', credits: 80 },
      { code: 'network_work', agent: REFEREE, credits: 202 },
      { code: 'site', payee: 'sam', site_id: 's', credits: 10 },
      { code: 'fee', credits: 61 + 11 },
    ])
  })

  const site = fc.constantFrom(undefined, { site_id: 's', payee: 'sam' }, { site_id: 't', payee: 'tom' })
  const work = fc.array(
    fc.record({
      agent: fc.integer({ min: 0, max: 65_535 }).map((key) => key.toString(16)),
      copies: fc.integer({ min: 0, max: 100_000 }),
      payee: fc.constantFrom(undefined, 'ada', 'bob'),
      site,
    }),
  )
  const split = fc
    .record({
      contributor_permille: fc.integer({ min: 0, max: 1000 }),
      rest: fc.integer({ min: 0, max: 1000 }),
    })
    .map(({ contributor_permille, rest }) => ({
      contributor_permille,
      site_permille: Math.min(rest, 1000 - contributor_permille),
    }))
  it('gives those beyond a stopping point their shares, and never more than there is', () => {
    fc.assert(
      fc.property(work, split, fc.integer({ min: 0, max: 10_000_000 }), (lines, shares, means) => {
        const all = splitCharge(7, lines, shares)
        const owed = all.filter(({ code }) => code === 'contribution' || code === 'site')
        const total = owed.reduce((sum, { credits }) => sum + credits, 0)
        const paid = surplusPayouts(all, means)
        const given = paid.reduce((sum, { credits }) => sum + credits, 0)
        if (total <= means) expect(paid).toEqual(owed)
        else {
          expect(given).toBeLessThanOrEqual(means)
          // Each loses less than one credit to rounding.
          expect(given).toBeGreaterThan(means - owed.length)
        }
        for (const { credits } of paid) expect(credits).toBeGreaterThanOrEqual(1)
      }),
    )
  })

  it('pays out exactly the charge, nothing below one credit, nobody more than his share', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), work, split, (price, lines, shares) => {
        const payouts = splitCharge(price, lines, shares)
        const paid = payouts.reduce((sum, { credits }) => sum + credits, 0)
        expect(paid).toBe(price * lines.reduce((sum, { copies }) => sum + copies, 0))
        for (const { credits } of payouts) expect(credits).toBeGreaterThanOrEqual(1)
        const contributed = payouts
          .filter(({ code }) => code === 'contribution')
          .reduce((sum, { credits }) => sum + credits, 0)
        const byPeople = lines.reduce((sum, { copies, payee }) => sum + (payee ? copies : 0), 0)
        expect(contributed * 1000).toBeLessThanOrEqual(price * byPeople * shares.contributor_permille)
      }),
    )
  })
})
