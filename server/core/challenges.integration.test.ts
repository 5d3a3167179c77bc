import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { solveChallenge } from '../../agent-runtime/challenge.ts'
import { createChallengeStore } from '../memory/consent-store.ts'
import { createTestDatabase, type TestDatabase } from '../memory/testing/test-database.ts'
import { createChallengeService } from './challenges.ts'

const SECRET = 'a secret of thirty-two characters'
const solved = async (service: ReturnType<typeof createChallengeService>) =>
  solveChallenge(await service.issue(), new AbortController().signal)

describe('proof of work', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.close())

  /** A server process's worth of it: nothing but the database outlives one. */
  const start = (more: { readonly secret?: string; readonly now?: () => number } = {}) =>
    createChallengeService({ secret: SECRET, store: createChallengeStore(database), ...more })

  it('is done by an agent, and buys one enrolment', async () => {
    const service = start()
    const answer = await solved(service)
    await expect(service.redeem(answer)).resolves.toBeUndefined()
    await expect(service.redeem(answer)).rejects.toMatchObject({
      code: 'CHALLENGE_REQUIRED',
      retryable: true,
      message: 'this challenge was used before',
    })
  })

  it('is bought once only, also of many at a time and after a restart', async () => {
    const answer = await solved(start())
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => start().redeem(answer)))
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await expect(start().redeem(answer)).rejects.toThrow('used before')
  })

  it('of a challenge that was not given out by this pool counts for nothing', async () => {
    const answer = await solved(start({ secret: 'another secret of thirty-two characters' }))
    await expect(start().redeem(answer)).rejects.toThrow('no solved challenge of this hub')
    const own = await solved(start())
    const { challenge, solution } = own
    const cheaper = { ...challenge, parameters: { ...challenge.parameters, cost: 1 } }
    await expect(start().redeem({ challenge: cheaper, solution })).rejects.toThrow('no solved challenge')
    const later = { ...challenge.parameters, expiresAt: challenge.parameters.expiresAt + 3600 }
    await expect(
      start().redeem({ challenge: { ...challenge, parameters: later }, solution }),
    ).rejects.toThrow('no solved challenge')
    await expect(start().redeem(own)).resolves.toBeUndefined()
  })

  it('that was not done counts for nothing', async () => {
    const challenge = await start().issue()
    const guess = { counter: 50, derivedKey: challenge.parameters.keyPrefix.padEnd(64, '0') }
    await expect(start().redeem({ challenge, solution: guess })).rejects.toThrow('no solved challenge')
    await expect(start().redeem(undefined)).rejects.toMatchObject({ code: 'CHALLENGE_REQUIRED' })
  })

  it('comes too late after five minutes', async () => {
    const answer = await solved(start())
    const late = start({ now: () => Date.now() + 5 * 60_000 })
    await expect(late.redeem(answer)).rejects.toThrow('has expired')
    const old = await solved(start({ now: () => Date.now() - 5 * 60_000 - 1000 }))
    await expect(start().redeem(old)).rejects.toThrow('has expired')
  })
})
