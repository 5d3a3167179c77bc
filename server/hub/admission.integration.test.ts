import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { bytesToHex } from '../../kernel/digest.ts'
import { readBlob } from './intake.ts'
import { once } from './job-runtime.ts'
import { productContract } from './testing/contracts.ts'
import { expectedDigest, until } from './testing/test-agent.ts'
import { type Submitted, TestNetwork } from './testing/test-network.ts'

/** Jobs whose stored data cannot be read while a hub starts, or when they are submitted. */

let network: TestNetwork

beforeAll(async () => {
  network = await TestNetwork.open()
})
afterEach(({ task }) => network.rest(task))
afterAll(() => network.close())

interface SubmittedProduct extends Submitted {
  readonly inputs: ReadonlyMap<string, Uint8Array>
}

let products = 0
/** Four tiles, whose bytes are blobs; another product each time. */
async function submit(): Promise<SubmittedProduct> {
  const { contract, inputs } = await productContract(network.blobs, { verify: { mode: 'none' } }, ++products)
  return { ...(await network.submit(contract)), inputs }
}

/** A job of which one tile is accepted, whose blob is gone. @returns what puts the blob back */
async function begunWithBlobAway(): Promise<
  SubmittedProduct & { readonly digest: string; readonly bringBack: () => Promise<void> }
> {
  const { blobs, results } = network
  const submitted = await submit()
  const { row } = submitted
  const { hub } = await network.cluster()({ leaseShards: 1 })
  await hub.admit(row)
  const agent = await network.work(hub, 'worker', { leases: 1 })
  await until(() => hub.progress(row.id)?.accepted === 1)
  agent.stop()
  await hub.close()
  for await (const { runs } of results.load(row.id)) {
    const digest = bytesToHex(runs[0]?.digests ?? new Uint8Array())
    const bytes = await readBlob(blobs, digest)
    await blobs.remove(digest)
    return { ...submitted, digest, bringBack: async () => void (await blobs.put(once(bytes))) }
  }
  throw new Error('nothing was accepted')
}

describe('a job that cannot be admitted now', () => {
  it('waits while a blob is away, says why, and goes on when it is back: the hub starts all the same', async () => {
    const { row, job, inputs, digest, bringBack } = await begunWithBlobAway()
    const { row: other } = await submit()
    const { hub } = await network.start()
    expect(hub.waiting(row.id)).toEqual({ t: 'unreadable', reason: `there is no blob ${digest}` })
    expect(hub.figures().unreadable).toBe(1)
    // Unless it is just being tried again.
    await until(() => hub.progress(row.id) === undefined)
    await network.work(hub, 'worker')
    expect((await network.ended(other.id)).state).toBe('settled')
    expect((await network.jobs.get(row.id))?.failure).toBeNull()
    await bringBack()
    const done = await network.ended(row.id)
    expect(done.state).toBe('settled')
    expect(done.result_digest).toBe(expectedDigest(job, inputs))
    expect(done.progress?.accepted).toBe(job.plan.shard_count)
    expect(hub.waiting(row.id)).toBeUndefined()
    expect(hub.figures().unreadable).toBe(0)
  })

  it('can be cancelled while it waits: what is durable is paid, and the other hubs let go of it', async () => {
    const { row, bringBack } = await begunWithBlobAway()
    const letGo: [string, string][] = []
    const listener = {
      jobChanged() {},
      networkChanged() {},
      jobLetGo: (...said: [string, string]) => void letGo.push(said),
    }
    const start = network.cluster()
    const [first, second] = [await start(), await start({ listener })]
    expect(second.hub.waiting(row.id)).toMatchObject({ t: 'unreadable' })
    expect(await first.hub.cancel(row.id)).toBe(true)
    expect(await network.jobs.get(row.id)).toMatchObject({
      state: 'cancelled',
      bill: { computation: 1 },
      failure: null,
    })
    expect(first.hub.waiting(row.id)).toBeUndefined()
    await until(() => letGo.length > 0)
    expect(second.hub.waiting(row.id)).toBeUndefined()
    expect(letGo).toEqual([[row.id, 'cancelled']])
    expect(await second.hub.cancel(row.id)).toBe(false)
    await bringBack()
  })

  it('keeps the pause that its owner gave it meanwhile', async () => {
    const { row, bringBack } = await begunWithBlobAway()
    const { hub } = await network.start()
    await network.jobs.setPaused(row.id, true)
    hub.pause(row.id, true)
    await bringBack()
    await until(() => hub.waiting(row.id)?.t === 'paused')
    expect(await hub.cancel(row.id)).toBe(true)
  })

  it('is submitted all the same while the store of results does not answer, and is done later', async () => {
    const { results } = network
    let failures = 2
    const { hub } = await network.start({
      results: {
        ...results,
        async *load(...given: Parameters<typeof results.load>) {
          if (failures-- > 0) throw new Error('Connection terminated unexpectedly')
          yield* results.load(...given)
        },
      },
    })
    const { row, job, inputs } = await submit()
    await hub.admit(row)
    expect(hub.waiting(row.id)).toEqual({ t: 'unreadable' })
    await network.work(hub, 'worker')
    const done = await network.ended(row.id)
    expect(done.state).toBe('settled')
    expect(done.result_digest).toBe(expectedDigest(job, inputs))
  })

  it('fails for good with its reason where the job itself is at fault, and its watchers hear of it', async () => {
    const { row } = await submit()
    await network.database.pool.query(`UPDATE jobs SET contract = '{"contract":9}' WHERE id = $1`, [row.id])
    const letGo: [string, string][] = []
    const { hub } = await network.start({
      listener: {
        jobChanged() {},
        networkChanged() {},
        jobLetGo: (...said: [string, string]) => void letGo.push(said),
      },
    })
    const done = await network.ended(row.id)
    expect(done).toMatchObject({ state: 'failed', failure: { code: 'CONTRACT_INVALID', retryable: false } })
    await until(() => letGo.length > 0)
    expect(letGo).toEqual([[row.id, 'failed']])
    expect(hub.waiting(row.id)).toBeUndefined()
  })
})
