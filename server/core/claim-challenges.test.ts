import { describe, expect, it } from 'vitest'
import { claimChallenge } from '../../kernel/claim.ts'
import { ClaimChallenges } from './claim-challenges.ts'

/** Two servers of one pool. */
function setUp() {
  let now_ms = 1_000_000
  const spent = new Set<string>()
  const server = (secret = 'the secret of a test, long enough') =>
    new ClaimChallenges({
      secret,
      store: {
        async spend(nonce) {
          const isFirst = !spent.has(nonce)
          spent.add(nonce)
          return isFirst
        },
      },
      now_ms: () => now_ms,
    })
  return {
    challenges: server(),
    other: server(),
    stranger: server('another'),
    later: (ms: number) => (now_ms += ms),
  }
}

const NOT_OPEN = { code: 'CONFLICT', message: 'this challenge is not open any more' }

describe('challenges for claiming a device', () => {
  it('are good for one answer of the owner they were made for, and say no more to others', async () => {
    const { challenges } = setUp()
    const { nonce } = challenges.issue('alice')
    expect(claimChallenge.parse({ nonce, owner: 'alice' }).nonce).toBe(nonce)
    await expect(challenges.take('bob', nonce)).rejects.toMatchObject(NOT_OPEN)
    await challenges.take('alice', nonce)
    await expect(challenges.take('alice', nonce)).rejects.toMatchObject(NOT_OPEN)
    for (const wrong of ['', 'x'.repeat(43), `${nonce.slice(0, -4)}AAAA`, `B${nonce.slice(1)}`])
      await expect(challenges.take('alice', wrong)).rejects.toMatchObject(NOT_OPEN)
  })

  it('are answered once at whichever server of the pool, and at no other pool', async () => {
    const { challenges, other, stranger } = setUp()
    const { nonce } = challenges.issue('alice')
    await expect(stranger.take('alice', nonce)).rejects.toMatchObject(NOT_OPEN)
    await other.take('alice', nonce)
    await expect(challenges.take('alice', nonce)).rejects.toMatchObject(NOT_OPEN)
  })

  it('end after five minutes', async () => {
    const { challenges, later } = setUp()
    const first = challenges.issue('alice')
    later(299_999)
    const second = challenges.issue('alice')
    expect(first.expires_ms).toBe(1_300_000)
    later(1)
    await expect(challenges.take('alice', first.nonce)).rejects.toMatchObject(NOT_OPEN)
    await challenges.take('alice', second.nonce)
  })
})
