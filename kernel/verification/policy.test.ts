import { describe, expect, it } from 'vitest'
import type { Verify } from '../contract.ts'
import { jobBound, NO_FINDINGS } from './job-bound.ts'
import { groupDoubt, type Standing, verificationStep } from './policy.ts'

const newcomer: Standing = { checks: 0, blacklistable: true, isOnProbation: false }
const checked = (checks: number, blacklistable = true): Standing => ({
  checks,
  blacklistable,
  isOnProbation: false,
})
const step = (verify: Verify, ...agreeing: Standing[]) => verificationStep(verify, agreeing)

describe('what a shard needs', () => {
  it('under none, spotcheck, quorum, full and algebraic does not depend on who computed it', () => {
    for (const agent of [newcomer, checked(10_000)]) {
      expect(step({ mode: 'none' }, agent)).toEqual({ t: 'close', audit: 0 })
      expect(step({ mode: 'spotcheck', rate: 0.02 }, agent)).toEqual({ t: 'close', audit: 0.02 })
      expect(step({ mode: 'quorum', k: 3 }, agent, agent)).toEqual({ t: 'replicate' })
      expect(step({ mode: 'quorum', k: 3 }, agent, agent, agent)).toEqual({ t: 'close', audit: 0 })
      expect(step({ mode: 'full' }, agent)).toEqual({ t: 'replicate' })
      expect(step({ mode: 'full' }, agent, agent)).toEqual({ t: 'close', audit: 0.05 })
      expect(step({ mode: 'algebraic' }, agent)).toEqual({ t: 'check' })
    }
  })

  const adaptive = { mode: 'adaptive', epsilon: 1e-4 } as const

  it('under adaptive is a second owner, and the referee while neither is known', () => {
    expect(step(adaptive, newcomer)).toEqual({ t: 'replicate' })
    expect(step(adaptive, newcomer, newcomer)).toEqual({ t: 'close', audit: 1 })
    expect(step(adaptive, checked(10), newcomer)).toEqual({ t: 'close', audit: 1 })
    expect(step(adaptive, checked(10), checked(10))).toEqual({ t: 'close', audit: 0 })
  })

  it('under adaptive is an audit now and then once one word is believed; keys that cost nothing need more checks', () => {
    expect(step(adaptive, checked(919))).toEqual({ t: 'replicate' })
    expect(step(adaptive, checked(920))).toEqual({ t: 'close', audit: 0.05 })
    expect(step(adaptive, checked(1999, false))).toEqual({ t: 'replicate' })
    expect(step(adaptive, checked(2000, false))).toEqual({ t: 'close', audit: 0.05 })
  })

  it('never lets an agent stand alone before ten consecutive valid results, however lax the error', () => {
    const lax = { mode: 'adaptive', epsilon: 0.5 } as const
    expect(step(lax, checked(9))).toEqual({ t: 'replicate' })
    expect(step(lax, checked(10))).toEqual({ t: 'close', audit: 0.1 })
  })

  it('lets nothing rest on the word of an agent on probation alone, where anything is checked at all', () => {
    const again = { ...checked(5000), isOnProbation: true }
    expect(step(adaptive, again)).toEqual({ t: 'replicate' })
    expect(step({ mode: 'spotcheck', rate: 0.01 }, again)).toEqual({ t: 'close', audit: 1 })
    expect(step({ mode: 'none' }, again)).toEqual({ t: 'close', audit: 0 })
  })

  it('accepts nothing whose modelled doubt is above epsilon without the referee', () => {
    for (const epsilon of [0.1, 1e-2, 1e-4, 1e-6]) {
      for (const a of [0, 5, 10, 30, 1000, 100_000]) {
        for (const b of [undefined, 0, 12, 5000]) {
          const agents = [checked(a), ...(b === undefined ? [] : [checked(b, false)])]
          const next = verificationStep({ mode: 'adaptive', epsilon }, agents)
          if (next.t === 'close' && next.audit < 1) expect(groupDoubt(agents)).toBeLessThanOrEqual(epsilon)
        }
      }
    }
  })
})

describe('the stated bound', () => {
  const none = { ...NO_FINDINGS, accepted: 0, copies: 0, single: 0, agreed: 0 }
  const range = { figure: 'the price', unit: 'currency', low: 0, high: 300 }
  const spotcheck = { mode: 'spotcheck', rate: 0.06 } as const

  it('says nothing before a shard is accepted, and nothing of lone shards before an audit', () => {
    expect(jobBound(none, spotcheck, 10, range)).toBeUndefined()
    const lone = { ...none, accepted: 10, copies: 10, single: 10, doubt_single: 1 }
    const bound = jobBound(lone, spotcheck, 10, range)
    expect(bound).toMatchObject({ wrong_fraction: undefined, modelled_error: 0.1, result: undefined })
  })

  it('is Clopper and Pearson’s on the shards that rest on one word, times the range', () => {
    const counts = { ...none, accepted: 1000, copies: 1059, single: 941, audits: 59, doubt_single: 0.09 }
    const bound = jobBound(counts, spotcheck, 1000, range)
    expect(bound?.copies_per_shard).toBe(1.059)
    expect(bound?.wrong_fraction).toBeCloseTo(0.941 * 0.04951, 5)
    expect(bound?.result?.at_most).toBeCloseTo(0.941 * 0.04951 * (1000 / 999) * 300, 2)
  })

  it('is the model’s where owners agree, until those are audited too', () => {
    const counts = { ...none, accepted: 100, copies: 200, agreed: 100, doubt_agreed: 0.5 }
    expect(jobBound(counts, { mode: 'quorum', k: 2 }, 100, range)?.wrong_fraction).toBe(0.005)
    const audited = { ...counts, agreed: 80, audits: 20 }
    // 1 - 0.05^(1/20).
    expect(jobBound(audited, { mode: 'full' }, 100, range)?.wrong_fraction).toBeCloseTo(0.8 * 0.13911, 4)
  })

  it('is nothing where the referee or an algebraic check stands behind every shard', () => {
    const bound = jobBound({ ...none, accepted: 10, copies: 10 }, { mode: 'algebraic' }, 10, range)
    expect(bound).toMatchObject({ wrong_fraction: 0, result: { at_most: 0 } })
  })
})
