import { createPublicKey, verify } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { bytesEqual, bytesToHex, sha256, sha256Hex } from '../kernel/digest.ts'
import { ForgeError } from '../kernel/errors.ts'
import { makeKey, verifySignature } from '../kernel/evidence/sample.test-support.ts'
import { leaseDigest, leaseOf } from '../kernel/lease.ts'
import { merkleRootOfDigests } from '../kernel/merkle.ts'
import { receiptBytes } from '../kernel/receipt.ts'
import { generateSeed, identityOf } from './identity.ts'
import { AGENT_LIMITS } from './limits.ts'
import { ManualClock } from './manual-clock.test-support.ts'
import { MemoryHub } from './memory-hub.test-support.ts'
import { Session } from './session.ts'
import type { SessionEvent } from './session-events.ts'
import { GatedExecutor, TINY_OPS, tinyJob } from './tiny-op.test-support.ts'
import { nextTurn } from './wasm/turn.ts'

const OPERAND = Uint8Array.of(42)
const DIGEST = sha256Hex(OPERAND)
/** Sleeps below this are backoff; call timeouts are longer. */
const isBackoff = (ms: number) => ms < AGENT_LIMITS.release_timeout_ms

async function setUp(options: { intensity?: number; others?: Record<string, MemoryHub> } = {}) {
  const hub = new MemoryHub()
  hub.blobs.set(DIGEST, OPERAND)
  const clock = new ManualClock()
  const executor = new GatedExecutor()
  const identity = await identityOf(generateSeed())
  const events: SessionEvent[] = []
  const session = new Session({
    transport: hub,
    transportsTo: (sockets) => sockets.flatMap((socket) => options.others?.[socket] ?? []),
    blobs: hub,
    executor,
    identity,
    trust: hub,
    verifySignature,
    registry: TINY_OPS,
    clock,
    random: () => 0.5,
    software: 'test/1',
    ownerToken: undefined,
    speed: 1000,
    intensity: () => options.intensity ?? 1,
    heard: (event) => events.push(event),
  })
  const stop = new AbortController()
  let reason: 'paused' | 'stopped' = 'stopped'
  const begin = () => session.run(stop.signal, () => reason)
  return {
    hub,
    clock,
    executor,
    identity,
    events,
    session,
    stop,
    begin,
    kinds: () => events.map(({ t }) => t),
    end: (why: 'paused' | 'stopped') => {
      reason = why
      stop.abort(why)
    },
  }
}

let last: Awaited<ReturnType<typeof setUp>> | undefined
const start = async (options?: Parameters<typeof setUp>[0]) => {
  last = await setUp(options)
  return last
}
afterEach(() => last?.end('stopped'))

describe('a session executes leases', () => {
  it('returns digests, leaves, root and a receipt that the key has signed', async () => {
    const { hub, executor, identity, begin, end, kinds } = await start()
    const running = begin()
    await hub.until(() => hub.subscribed)
    const job = tinyJob(10, DIGEST)
    const lease_id = hub.lease(job, 3, 4)
    executor.allow(4)
    await hub.until(() => hub.results.length === 1)
    const [result] = hub.results
    if (result === undefined) throw new Error('no result')
    const leaves = [3, 4, 5, 6].map((shard) => Uint8Array.of(shard, 0, 42, 7))
    expect(result.leaves).toEqual(leaves)
    const digests = new Uint8Array(leaves.flatMap((leaf) => [...sha256(leaf)]))
    expect(result.digests).toEqual(digests)
    expect(result.result_root).toEqual(merkleRootOfDigests(digests))
    const lease = leaseOf(
      {
        lease_id,
        epoch: 1,
        contract_hash: job.contractHash,
        plan_digest: job.planDigest,
        first: 3,
        count: 4,
      },
      { job_id: hub.job_id, agent: identity.keyId, hub: sha256Hex(hub.key.publicKey) },
    )
    const receipt = receiptBytes({
      receipt: 2,
      lease_id,
      epoch: 1,
      contract_hash: job.contractHash,
      plan_digest: job.planDigest,
      first: 3,
      count: 4,
      result_root: bytesToHex(result.result_root),
      executor: 'cpu',
      software: 'test/1',
      lease: bytesToHex(leaseDigest(lease)),
    })
    const x = Buffer.from(identity.publicKey).toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    expect(verify(null, receipt, key, result.signature)).toBe(true)
    end('stopped')
    await running
    expect(kinds()).toEqual(['connecting', 'live', 'started', 'shard', 'shard', 'shard', 'shard', 'returned'])
  })

  it.each<[string, (hub: MemoryHub) => void]>([
    ['a foreign key', (hub) => (hub.signingKey = makeKey())],
    ['nobody', (hub) => (hub.signingKey = { ...hub.key, sign: () => new Uint8Array(64) })],
    ['the hub, for another range', (hub) => (hub.bend = (lease) => ({ ...lease, first: lease.first + 1 }))],
    ['the hub, for another epoch', (hub) => (hub.bend = (lease) => ({ ...lease, epoch: lease.epoch + 1 }))],
    [
      'the hub, for another agent',
      (hub) => (hub.bend = (lease) => ({ ...lease, agent: sha256Hex('other') })),
    ],
  ])('executes nothing of a lease that is signed by %s, and gives it back', async (_, bend) => {
    const { hub, executor, begin, end, kinds } = await start()
    const running = begin()
    await hub.until(() => hub.subscribed)
    bend(hub)
    const lease_id = hub.lease(tinyJob(10, DIGEST), 3, 4)
    executor.allow(4)
    await hub.until(() => hub.releases.length === 1)
    expect(hub.releases[0]).toMatchObject({ lease_ids: [lease_id], reason: 'failed' })
    expect(hub.releases[0]?.detail).toContain('not signed by the key of this hub')
    end('stopped')
    await running
    expect([executor.executed, hub.results]).toEqual([[], []])
    expect(kinds()).toEqual(['connecting', 'live', 'lease_failed'])
  })

  it('executes nothing before the key of the hub is known to be its own', async () => {
    const { hub, executor, begin, end } = await start()
    let trust = () => {}
    hub.checking = new Promise((resolve) => (trust = resolve))
    const running = begin()
    await hub.until(() => hub.subscribed)
    hub.lease(tinyJob(10, DIGEST), 0, 1)
    executor.allow(1)
    await nextTurn()
    expect([executor.executed, hub.calls]).toEqual([[], expect.not.arrayContaining(['hub.result'])])
    trust()
    await hub.until(() => hub.results.length === 1)
    end('stopped')
    await running
  })

  it('leaves a hub whose key it does not trust', async () => {
    const { hub, begin } = await start()
    hub.untrusted = new ForgeError('FORBIDDEN', 'another key than before')
    await expect(begin()).rejects.toMatchObject({ code: 'FORBIDDEN', message: 'another key than before' })
    expect(hub.subscribed).toBe(false)
  })

  it('fetches contract and operands once for all leases of a job, the next ones while it computes', async () => {
    const { hub, executor, begin, end } = await start()
    const running = begin()
    await hub.until(() => hub.subscribed)
    hub.lease(tinyJob(10, DIGEST), 0, 2)
    await executor.waitingAfter(0)
    hub.lease(tinyJob(20, DIGEST), 0, 1)
    await hub.until(() => hub.calls.filter((path) => path === 'hub.contract').length === 2)
    expect(executor.executed).toEqual([])
    hub.lease(tinyJob(10, DIGEST), 2, 1)
    executor.allow(4)
    await hub.until(() => hub.results.length === 3)
    expect(hub.calls.filter((path) => path === 'hub.contract')).toHaveLength(2)
    expect(hub.calls.filter((path) => path === 'blob.get')).toHaveLength(1)
    end('stopped')
    await running
  })

  it('uploads blob leaves before it returns their digests', async () => {
    const { hub, executor, begin, end } = await start()
    const running = begin()
    await hub.until(() => hub.subscribed)
    hub.lease(tinyJob(6, DIGEST, 'blob.v1'), 0, 6)
    executor.allow(6)
    await hub.until(() => hub.results.length === 1)
    expect(hub.calls.indexOf('hub.result')).toBeGreaterThan(hub.calls.lastIndexOf('blob.put'))
    expect(hub.calls.filter((path) => path === 'blob.put')).toHaveLength(6)
    expect(hub.results[0]?.leaves).toEqual([])
    end('stopped')
    await running
  })

  it('rests in proportion to its intensity', async () => {
    const { hub, clock, executor, begin, end } = await start({ intensity: 0.25 })
    const running = begin()
    await hub.until(() => hub.subscribed)
    hub.lease(tinyJob(10, DIGEST), 0, 3)
    await executor.waitingAfter(0)
    clock.advance(100)
    executor.allow(1)
    expect(await clock.untilSleeping((ms) => ms === 300)).toBe(300)
    expect(executor.executed).toEqual([0])
    clock.advance(300)
    executor.allow(2)
    await hub.until(() => hub.results.length === 1)
    end('stopped')
    await running
  })
})

describe('a session stops', () => {
  it.each(['paused', 'stopped'] as const)(
    'gives every lease back when %s, within one dispatch',
    async (reason) => {
      const { hub, executor, begin, end } = await start()
      const running = begin()
      await hub.until(() => hub.subscribed)
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
    const { hub, executor, session, begin, end } = await start()
    const first = begin()
    await hub.until(() => hub.subscribed)
    end('paused')
    await first
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

  it('drops a lease that the hub cancels in the middle, and goes on with the next', async () => {
    const { hub, executor, begin, end, events } = await start()
    const running = begin()
    await hub.until(() => hub.subscribed)
    const cancelled = hub.lease(tinyJob(10, DIGEST), 0, 5)
    hub.lease(tinyJob(10, DIGEST), 5, 1)
    executor.allow(2)
    await executor.waitingAfter(2)
    hub.say({ t: 'cancel', lease_id: cancelled, reason: 'the job was cancelled' })
    await executor.waitingAfter(2)
    executor.allow(1)
    await hub.until(() => hub.results.length === 1)
    expect(executor.executed).toEqual([0, 1, 5])
    expect(hub.results[0]?.lease_id).not.toBe(cancelled)
    expect(events).toContainEqual({ t: 'dropped', reason: 'the job was cancelled', running: true })
    end('stopped')
    await running
    expect(hub.releases).toEqual([])
  })
})

describe('a session of a hub that is to stop', () => {
  it('returns what it holds, and goes to the hub that it is told of', async () => {
    const other = new MemoryHub()
    other.epoch = 2
    other.blobs.set(DIGEST, OPERAND)
    const { hub, clock, executor, begin, end } = await start({ others: { 'wss://b.example/agent': other } })
    const running = begin()
    await hub.until(() => hub.subscribed)
    hub.lease(tinyJob(10, DIGEST), 0, 2)
    executor.allow(1)
    await executor.waitingAfter(1)
    hub.say({ t: 'draining', to: ['wss://b.example/agent'] })
    executor.allow(1)
    clock.advance(await clock.untilSleeping(isBackoff))
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

  it('comes back by the address it knows when it is told of no hub, or that one is gone, too', async () => {
    const other = new MemoryHub()
    other.down = true
    const { hub, clock, begin, end } = await start({ others: { 'wss://b.example/agent': other } })
    const running = begin()
    await hub.until(() => hub.subscribed)
    hub.say({ t: 'draining', to: ['wss://b.example/agent'] })
    clock.advance(await clock.untilSleeping(isBackoff))
    clock.advance(await clock.untilSleeping(isBackoff))
    await hub.until(() => hub.enrolments === 2 && hub.subscribed)
    hub.say({ t: 'draining', to: [] })
    clock.advance(await clock.untilSleeping(isBackoff))
    await hub.until(() => hub.enrolments === 3 && hub.subscribed)
    expect(other.calls).toEqual(['connect'])
    end('stopped')
    await running
  })
})

describe('a session that was sent to what is no hub of its site', () => {
  it.each([
    ['refuses it', (other: MemoryHub) => (other.tamper = () => ({ nonsense: true }))],
    [
      'has a key that the site does not publish',
      (other: MemoryHub) => (other.key = other.signingKey = makeKey()),
    ],
  ])('comes back when that %s', async (_, spoil) => {
    const other = new MemoryHub()
    spoil(other)
    const { hub, clock, begin, end } = await start({ others: { 'wss://b.example/agent': other } })
    const ownKey = hub.key.publicKey
    hub.check = async (key) => {
      if (!bytesEqual(key, ownKey)) throw new ForgeError('FORBIDDEN', 'no key of this site')
    }
    const running = begin()
    await hub.until(() => hub.subscribed)
    hub.say({ t: 'draining', to: ['wss://b.example/agent'] })
    clock.advance(await clock.untilSleeping(isBackoff))
    clock.advance(await clock.untilSleeping(isBackoff))
    await hub.until(() => hub.enrolments === 2 && hub.subscribed)
    end('stopped')
    await running
  })
})

describe('a session keeps its connection', () => {
  it('goes on computing over a cut, resumes after the last message, and repeats nothing', async () => {
    const { hub, clock, executor, begin, end } = await start()
    const running = begin()
    await hub.until(() => hub.subscribed)
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

  it('enrols anew when the hub has forgotten it, and returns nothing of the earlier life', async () => {
    const { hub, clock, executor, begin, end } = await start()
    const running = begin()
    await hub.until(() => hub.subscribed)
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

  it('does not run a lease again that the hub repeats', async () => {
    const { hub, executor, begin, end, kinds } = await start()
    const running = begin()
    await hub.until(() => hub.subscribed)
    const lease_id = hub.lease(tinyJob(10, DIGEST), 0, 1)
    executor.allow(3)
    while (!kinds().includes('returned')) await nextTurn()
    hub.lease(tinyJob(10, DIGEST), 0, 1, { lease_id })
    hub.lease(tinyJob(10, DIGEST), 1, 1)
    await hub.until(() => hub.results.length === 2)
    expect(executor.executed).toEqual([0, 1])
    end('stopped')
    await running
  })

  it('ignores a lease of another epoch', async () => {
    const { hub, executor, begin, end, kinds } = await start()
    const running = begin()
    await hub.until(() => hub.subscribed)
    hub.lease(tinyJob(10, DIGEST), 0, 1, { epoch: 9 })
    hub.lease(tinyJob(10, DIGEST), 1, 1)
    executor.allow(2)
    await hub.until(() => hub.results.length === 1)
    expect(executor.executed).toEqual([1])
    expect(kinds()).toContain('dropped')
    end('stopped')
    await running
  })
})

describe('a session does not trust the hub', () => {
  it.each<[string, unknown]>([
    ['an unknown kind', { t: 'format_disk' }],
    ['a lease without bounds', { t: 'lease', lease_id: 'x', epoch: 1, contract_hash: 'zz' }],
    ['a number', 7],
  ])('leaves a connection on which it hears %s, and comes back', async (_, message) => {
    const { hub, clock, executor, begin, end, events } = await start()
    const running = begin()
    await hub.until(() => hub.subscribed)
    hub.say(message)
    await clock.untilSleeping(isBackoff)
    expect(events.at(-1)).toMatchObject({ t: 'waiting', error: { code: 'MESSAGE_INVALID' } })
    expect(executor.executed).toEqual([])
    end('stopped')
    await running
  })

  it('gives a lease back whose contract is not the one it names', async () => {
    const { hub, begin, end } = await start()
    hub.tamper = (path) =>
      path === 'hub.contract' ? { canonical: tinyJob(11, DIGEST).canonical } : undefined
    const running = begin()
    await hub.until(() => hub.subscribed)
    const lease = hub.lease(tinyJob(10, DIGEST), 0, 1)
    await hub.until(() => hub.releases.length === 1)
    expect(hub.releases).toMatchObject([{ lease_ids: [lease], reason: 'failed' }])
    end('stopped')
    await running
  })

  it('gives a lease back that reaches beyond the plan', async () => {
    const { hub, executor, begin, end } = await start()
    const running = begin()
    await hub.until(() => hub.subscribed)
    hub.lease(tinyJob(10, DIGEST), 9, 2)
    await hub.until(() => hub.releases.length === 1)
    expect(executor.executed).toEqual([])
    end('stopped')
    await running
  })

  it('does not start a lease whose time is over', async () => {
    const { hub, clock, executor, begin, end } = await start()
    const running = begin()
    await hub.until(() => hub.subscribed)
    hub.lease(tinyJob(10, DIGEST), 0, 1)
    hub.lease(tinyJob(10, DIGEST), 1, 1, { deadline_ms: 10 })
    await executor.waitingAfter(0)
    clock.advance(20)
    hub.lease(tinyJob(10, DIGEST), 2, 1)
    executor.allow(3)
    await hub.until(() => hub.results.length === 2)
    expect(executor.executed).toEqual([0, 2])
    end('stopped')
    await running
  })

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

  it('ends for good when the hub says so, in the middle of a lease', async () => {
    const { hub, executor, begin } = await start()
    const running = begin()
    await hub.until(() => hub.subscribed)
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

it('never sends a leaf that breaks the invariants of its op, and ends with the reason', async () => {
  const { hub, executor, begin } = await start()
  executor.spoil = () => Uint8Array.of(0, 0, 0, 0)
  const running = begin()
  await hub.until(() => hub.subscribed)
  const lease = hub.lease(tinyJob(10, DIGEST), 0, 2)
  executor.allow(2)
  await expect(running).rejects.toMatchObject({ code: 'EXECUTOR_FAILED' })
  expect(hub.results).toEqual([])
  expect(hub.releases).toMatchObject([{ lease_ids: [lease], reason: 'failed' }])
})
