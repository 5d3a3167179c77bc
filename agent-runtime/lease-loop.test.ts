import { createPublicKey, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { bytesToHex, sha256, sha256Hex } from '../kernel/digest.ts'
import { makeKey } from '../kernel/evidence/sample.test-support.ts'
import { leaseDigest, leaseOf } from '../kernel/lease.ts'
import { merkleRootOfDigests } from '../kernel/merkle.ts'
import { receiptBytes } from '../kernel/receipt.ts'
import type { MemoryHub } from './memory-hub.test-support.ts'
import { DIGEST, live, start } from './session.test-support.ts'
import { tinyJob } from './tiny-op.test-support.ts'
import { nextTurn } from './wasm/turn.ts'

describe('an agent executes leases', () => {
  it('returns digests, leaves, root and a receipt that the key has signed', async () => {
    const { hub, executor, identity, running, end, kinds } = await live()
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

  it('fetches contract and operands once for all leases of a job, the next ones while it computes', async () => {
    const { hub, executor, running, end } = await live()
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
    const { hub, executor, running, end } = await live()
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
    const { hub, clock, executor, running, end } = await live({ intensity: 0.25 })
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

describe('an agent examines its leases', () => {
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
    const { hub, executor, running, end, kinds } = await live()
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
    const { hub, executor, running, end } = await live()
    hub.lease(tinyJob(10, DIGEST), 9, 2)
    await hub.until(() => hub.releases.length === 1)
    expect(executor.executed).toEqual([])
    end('stopped')
    await running
  })

  it('does not start a lease whose time is over', async () => {
    const { hub, clock, executor, running, end } = await live()
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

  it('does not run a lease again that the hub repeats', async () => {
    const { hub, executor, running, end, kinds } = await live()
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
    const { hub, executor, running, end, kinds } = await live()
    hub.lease(tinyJob(10, DIGEST), 0, 1, { epoch: 9 })
    hub.lease(tinyJob(10, DIGEST), 1, 1)
    executor.allow(2)
    await hub.until(() => hub.results.length === 1)
    expect(executor.executed).toEqual([1])
    expect(kinds()).toContain('dropped')
    end('stopped')
    await running
  })

  it('drops a lease that the hub cancels in the middle, and goes on with the next', async () => {
    const { hub, executor, running, end, events } = await live()
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
})
