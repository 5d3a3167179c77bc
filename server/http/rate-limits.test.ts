import { describe, expect, it } from 'vitest'
import { callerOf, RateLimits } from './rate-limits.ts'
import { rulesWith } from './testing/rate-rules.ts'

describe('a limit', () => {
  it('lets so many through, then says how long to wait; others are counted apart', async () => {
    const limits = new RateLimits(rulesWith(60, { submit: 2 }))
    await limits.take('submit', 'ada')
    await limits.take('submit', 'ada')
    const refused = limits.take('submit', 'ada')
    await expect(refused).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryable: true,
      hint: expect.stringMatching(/^Try again in \d+ s\.$/),
    })
    await limits.take('submit', 'eve')
    await limits.take('token', 'ada')
  })

  it('takes back what was no failure', async () => {
    const limits = new RateLimits(rulesWith(60, { sign_in_host: 1 }))
    for (let time = 0; time < 5; time++) {
      await limits.take('sign_in_host', 'host')
      await limits.giveBack('sign_in_host', 'host')
    }
    await limits.take('sign_in_host', 'host')
    await expect(limits.take('sign_in_host', 'host')).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  })
})

describe('a caller', () => {
  it('is counted as his key, his account or his host', () => {
    const host = '2001:db8:1:2::/64'
    expect(callerOf({ kind: 'key', ownerId: 'o', keyId: 'k' }, host)).toEqual({ name: 'key', who: 'k' })
    expect(callerOf({ kind: 'user', ownerId: 'o', userId: 'u' }, host)).toEqual({ name: 'account', who: 'o' })
    expect(callerOf({ kind: 'visitor' }, host)).toEqual({ name: 'visitor', who: host })
    expect(callerOf({ kind: 'agent', session: 's' }, host)).toEqual({ name: 'visitor', who: host })
  })
})
