import { describe, expect, it } from 'vitest'
import { bytesEqual } from '../kernel/digest.ts'
import { ForgeError } from '../kernel/errors.ts'
import { makeKey } from '../kernel/evidence/sample.test-support.ts'
import type { MemoryHub } from './memory-hub.test-support.ts'
import { DIGEST, isBackoff, live, newHub, start } from './session.test-support.ts'
import { tinyJob } from './tiny-op.test-support.ts'

describe('an agent enrols', () => {
  it('solves the challenge that the hub asks for, once, and only then is enrolled', async () => {
    const { hub, begin, end } = await start()
    hub.asksForWork = true
    const running = begin()
    await hub.until(() => hub.subscribed)
    expect(hub.calls.slice(0, 4)).toEqual(['connect', 'hub.enrol', 'hub.challenge', 'hub.enrol'])
    const [enrolment] = hub.enrolled
    const { challenge, solution } = enrolment?.challenge ?? {}
    expect(challenge?.parameters.cost).toBe(10)
    expect(solution?.counter).toBeGreaterThanOrEqual(10)
    expect(solution?.derivedKey.slice(0, 32)).toBe(challenge?.parameters.keyPrefix)
    end('stopped')
    await running
  })

  it('does not try a challenge that is dearer than any honest one', async () => {
    const { hub, begin, kinds, end } = await start()
    hub.asksForWork = true
    hub.tamper = (path) =>
      path === 'hub.challenge'
        ? {
            parameters: {
              algorithm: 'PBKDF2/SHA-256',
              cost: 1e9,
              nonce: '00'.repeat(16),
              salt: '00'.repeat(16),
              keyLength: 32,
              keyPrefix: '00'.repeat(16),
              keySignature: '00'.repeat(32),
              expiresAt: 4_102_444_800,
            },
            signature: '00'.repeat(32),
          }
        : undefined
    const failed = begin().catch((error: unknown) => error)
    expect(await failed).toMatchObject({ code: 'MESSAGE_INVALID' })
    expect(hub.enrolled).toEqual([])
    expect(kinds()).not.toContain('live')
    end('stopped')
  })

  it('ends for good when the hub refuses to enrol it', async () => {
    const { hub, begin } = await start()
    hub.tamper = (path) => {
      if (path === 'hub.enrol') throw new ForgeError('UNAUTHENTICATED', 'the owner token is not known')
      return undefined
    }
    await expect(begin()).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: 'the owner token is not known',
    })
  })

  it('leaves a hub whose key it does not trust', async () => {
    const { hub, begin } = await start()
    hub.untrusted = new ForgeError('FORBIDDEN', 'another key than before')
    await expect(begin()).rejects.toMatchObject({ code: 'FORBIDDEN', message: 'another key than before' })
    expect(hub.subscribed).toBe(false)
  })
})

describe('an agent keeps its connection', () => {
  it('goes on computing over a cut, resumes after the last message, and repeats nothing', async () => {
    const { hub, clock, executor, running, end } = await live()
    hub.lease(tinyJob(10, DIGEST), 0, 2)
    executor.allow(1)
    await executor.waitingAfter(1)
    hub.cut()
    hub.lease(tinyJob(10, DIGEST), 2, 1)
    executor.allow(2)
    clock.advance(await clock.untilSleeping(isBackoff))
    await hub.until(() => hub.results.length === 2)
    expect(executor.executed).toEqual([0, 1, 2])
    expect(hub.enrolments).toBe(1)
    expect(hub.calls.filter((call) => call.startsWith('hub.leases'))).toEqual([
      'hub.leases after nothing',
      'hub.leases after event-1',
    ])
    end('stopped')
    await running
  })

  it('waits longer after each failure, with jitter, up to a limit', async () => {
    const { hub, clock, begin, end, events } = await start()
    hub.down = true
    const running = begin()
    for (let attempt = 0; attempt < 9; attempt++) clock.advance(await clock.untilSleeping(() => true))
    await clock.untilSleeping(() => true)
    const delays = events.flatMap((event) => (event.t === 'waiting' ? [event.retry_ms] : []))
    expect(delays.slice(0, 9)).toEqual([250, 500, 1000, 2000, 4000, 8000, 15000, 15000, 15000])
    end('stopped')
    await running
  })

  it.each<[string, unknown]>([
    ['an unknown kind', { t: 'format_disk' }],
    ['a lease without bounds', { t: 'lease', lease_id: 'x', epoch: 1, contract_hash: 'zz' }],
    ['a number', 7],
  ])('leaves a connection on which it hears %s, and comes back', async (_, message) => {
    const { hub, clock, executor, running, end, events } = await live()
    hub.say(message)
    await clock.untilSleeping(isBackoff)
    expect(events.at(-1)).toMatchObject({ t: 'waiting', error: { code: 'MESSAGE_INVALID' } })
    expect(executor.executed).toEqual([])
    end('stopped')
    await running
  })

  it('ends for good when the hub says so, in the middle of a lease', async () => {
    const { hub, executor, running } = await live()
    hub.lease(tinyJob(10, DIGEST), 0, 4)
    executor.allow(1)
    hub.say({ t: 'ended', reason: 'its owner has revoked this key' })
    await expect(running).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: 'its owner has revoked this key',
    })
    expect(hub.results).toEqual([])
    expect(hub.connections).toBe(1)
    expect(hub.subscribed).toBe(false)
  })
})

const ELSEWHERE = 'wss://b.example/agent'

/** A session at a hub that knows of another one, where agents may go when it stops. */
async function beside(spoil: (other: MemoryHub) => void) {
  const other = newHub()
  spoil(other)
  const first = await live({ others: { [ELSEWHERE]: other } })
  const { hub, clock } = first
  return {
    ...first,
    other,
    sendAway: () => hub.say({ t: 'draining', to: [ELSEWHERE] }),
    /** It waits before each connection. */
    async connects(times: number) {
      for (let nth = 0; nth < times; nth++) clock.advance(await clock.untilSleeping(isBackoff))
    },
    isBack: (enrolments: number) => hub.until(() => hub.enrolments === enrolments && hub.subscribed),
  }
}

describe('an agent of a hub that is to stop', () => {
  it('returns what it holds, and goes to the hub that it is told of', async () => {
    const { hub, other, executor, sendAway, connects, running, end } = await beside((one) => (one.epoch = 2))
    hub.lease(tinyJob(10, DIGEST), 0, 2)
    executor.allow(1)
    await executor.waitingAfter(1)
    sendAway()
    executor.allow(1)
    await connects(1)
    await other.until(() => other.subscribed)
    expect(hub.results).toHaveLength(1)
    expect(hub.releases).toEqual([])
    other.lease(tinyJob(10, DIGEST), 7, 1)
    executor.allow(1)
    await other.until(() => other.results.length === 1)
    expect(hub.connections).toBe(1)
    end('stopped')
    await running
  })

  it.each<[string, (other: MemoryHub) => void]>([
    ['is gone, too', (other) => (other.down = true)],
    ['refuses it', (other) => (other.tamper = () => ({ nonsense: true }))],
    ['has a key that the site does not publish', (other) => (other.key = other.signingKey = makeKey())],
  ])('comes back by the address it knows when the hub that it is told of %s', async (_, spoil) => {
    const { hub, sendAway, connects, isBack, running, end } = await beside(spoil)
    const ownKey = hub.key.publicKey
    hub.check = async (key) => {
      if (!bytesEqual(key, ownKey)) throw new ForgeError('FORBIDDEN', 'no key of this site')
    }
    sendAway()
    await connects(2)
    await isBack(2)
    end('stopped')
    await running
  })

  it('comes back when it is told of no hub, and does not try one of which it was told before', async () => {
    const { hub, other, sendAway, connects, isBack, running, end } = await beside((one) => (one.down = true))
    sendAway()
    await connects(2)
    await isBack(2)
    hub.say({ t: 'draining', to: [] })
    await connects(1)
    await isBack(3)
    expect(other.calls).toEqual(['connect'])
    end('stopped')
    await running
  })
})
