import { describe, expect, it } from 'vitest'
import { ForgeError } from '../kernel/errors.ts'
import { DIGEST, isBackoff, live, start } from './session.test-support.ts'
import { tinyJob } from './tiny-op.test-support.ts'
import { nextTurn } from './wasm/turn.ts'

describe('a session stops', () => {
  it.each(['paused', 'stopped'] as const)(
    'gives every lease back when %s, within one dispatch',
    async (reason) => {
      const { hub, executor, running, end } = await live()
      const leases = [hub.lease(tinyJob(10, DIGEST), 0, 5), hub.lease(tinyJob(10, DIGEST), 5, 5)]
      executor.allow(2)
      await executor.waitingAfter(2)
      end(reason)
      executor.allow(100)
      await running
      expect(executor.executed).toEqual([0, 1])
      expect(hub.releases).toMatchObject([{ lease_ids: leases, reason }])
      expect(hub.results).toEqual([])
      expect(hub.subscribed).toBe(false)
    },
  )

  it('takes part again with the same session after a pause', async () => {
    const { hub, executor, session, running, end } = await live()
    end('paused')
    await running
    const stop = new AbortController()
    const second = session.run(stop.signal, () => 'stopped')
    await hub.until(() => hub.subscribed)
    expect(hub.enrolments).toBe(1)
    hub.lease(tinyJob(10, DIGEST), 0, 1)
    executor.allow(1)
    await hub.until(() => hub.results.length === 1)
    stop.abort('stopped')
    await second
  })
})

describe('a session with a hub that has forgotten it', () => {
  it('enrols anew when the hub has forgotten it, and returns nothing of the earlier life', async () => {
    const { hub, clock, executor, running, end } = await live()
    hub.lease(tinyJob(10, DIGEST), 0, 3)
    executor.allow(1)
    await executor.waitingAfter(1)
    hub.restart()
    clock.advance(await clock.untilSleeping(isBackoff))
    // The old session is refused first; then it enrols.
    await clock.untilSleeping(isBackoff)
    clock.advance(1000)
    await hub.until(() => hub.enrolments === 2 && hub.subscribed)
    hub.lease(tinyJob(10, DIGEST), 7, 1)
    await executor.waitingAfter(1)
    executor.allow(1)
    await hub.until(() => hub.results.length === 1)
    expect(executor.executed).toEqual([0, 7])
    expect(hub.results[0]).toMatchObject({ epoch: 2, session: 'session-2' })
    end('stopped')
    await running
  })

  it('does not deliver in the new life a result that the old one did not take', async () => {
    const { hub, clock, executor, begin, end } = await start()
    let refused = false
    hub.tamper = (path) => {
      if (path !== 'hub.result' || refused) return undefined
      refused = true
      hub.results.length = 0
      throw new ForgeError('UNAVAILABLE', 'the hub is ending')
    }
    const running = begin()
    await hub.until(() => hub.subscribed)
    hub.lease(tinyJob(10, DIGEST), 0, 1)
    executor.allow(1)
    await clock.untilSleeping(isBackoff)
    hub.restart()
    for (let round = 0; hub.enrolments < 2; round++) {
      expect(round).toBeLessThan(10)
      await clock.untilSleeping(isBackoff)
      clock.advance(2_000)
      await nextTurn()
    }
    await hub.until(() => hub.subscribed)
    hub.lease(tinyJob(10, DIGEST), 7, 1)
    executor.allow(1)
    await hub.until(() => hub.results.some(({ epoch }) => epoch === 2))
    expect(hub.results.map(({ epoch }) => epoch)).toEqual([2])
    expect(executor.executed).toEqual([0, 7])
    end('stopped')
    await running
  })
})
