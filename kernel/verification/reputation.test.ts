import { describe, expect, it } from 'vitest'
import { checksAfter, newStanding, passChecks, probationChecks, quarantineHours } from './reputation.ts'

describe('reputation', () => {
  it('halves with every month without a check', () => {
    expect([0, 29.9, 30, 60, 365, 36_500].map((days) => checksAfter(1001, days))).toEqual([
      1001, 1001, 500, 250, 0, 0,
    ])
  })

  it('quarantines for an hour, twice as long every time, a week at most', () => {
    expect([1, 2, 3, 8, 9, 500].map(quarantineHours)).toEqual([1, 2, 4, 128, 168, 168])
  })

  it('lets an agent on probation off after its checks, twice as many when it came back early', () => {
    const standing = newStanding(0, probationChecks(false), true)
    passChecks(standing, 99)
    expect(standing).toMatchObject({ isOnProbation: true, checks: 99 })
    passChecks(standing, 3)
    expect(standing).toMatchObject({ isOnProbation: false, checks: 102, probation: 0 })
    expect(probationChecks(true)).toBe(200)
  })
})
