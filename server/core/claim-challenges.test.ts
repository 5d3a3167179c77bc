import { describe, expect, it } from 'vitest'
import { ClaimChallenges } from './claim-challenges.ts'
import { CORE_LIMITS } from './limits.ts'

function setUp() {
  let now_ms = 1_000_000
  const challenges = new ClaimChallenges(() => now_ms)
  return { challenges, later: (ms: number) => (now_ms += ms) }
}

const NOT_OPEN = expect.objectContaining({ code: 'CONFLICT', message: 'this challenge is not open any more' })

describe('challenges for claiming a device', () => {
  it('are good for one answer of the owner they were made for, and say no more to others', () => {
    const { challenges } = setUp()
    const { nonce } = challenges.issue('alice')
    expect(nonce).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(() => challenges.take('bob', nonce)).toThrow(NOT_OPEN)
    challenges.take('alice', nonce)
    expect(() => challenges.take('alice', nonce)).toThrow(NOT_OPEN)
    expect(() => challenges.take('alice', 'x'.repeat(43))).toThrow(NOT_OPEN)
  })

  it('end after five minutes', () => {
    const { challenges, later } = setUp()
    const first = challenges.issue('alice')
    later(299_999)
    const second = challenges.issue('alice')
    expect(first.expires_ms).toBe(1_300_000)
    later(1)
    expect(() => challenges.take('alice', first.nonce)).toThrow(NOT_OPEN)
    challenges.take('alice', second.nonce)
  })

  it('are a handful for each owner: the oldest makes room', () => {
    const { challenges } = setUp()
    const nonces = Array.from(
      { length: CORE_LIMITS.claim_challenges_per_owner + 1 },
      () => challenges.issue('alice').nonce,
    )
    const other = challenges.issue('bob')
    expect(() => challenges.take('alice', nonces[0] ?? '')).toThrow(NOT_OPEN)
    for (const nonce of nonces.slice(1)) challenges.take('alice', nonce)
    challenges.take('bob', other.nonce)
  })

  it('are refused when too many wait, and expired ones make room', () => {
    const { challenges, later } = setUp()
    for (let i = 0; i < CORE_LIMITS.claim_challenges; i++) challenges.issue(`owner ${i}`)
    expect(() => challenges.issue('one more')).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }))
    later(CORE_LIMITS.claim_challenge_ms)
    challenges.issue('one more')
  })
})
