import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Verify } from '../../kernel/contract.ts'
import { sha256Hex } from '../../kernel/digest.ts'
import { createCreditStore } from '../memory/credit-store.ts'
import type { JobRow } from '../memory/ports/jobs.ts'
import { type Asked, pictureContract, piWithTarget } from './testing/contracts.ts'
import { expectedDigest, until } from './testing/test-agent.ts'
import { DEAF_BUS, type Submitted, type TestHub, TestNetwork } from './testing/test-network.ts'

let network: TestNetwork

beforeAll(async () => {
  network = await TestNetwork.open()
})
afterEach(({ task }) => network.rest(task))
afterAll(() => network.close())

const SHARDS = 24
const NEVER = new Promise(() => {})

/** A job of as many chunks as two of its shards make. */
const picture = (verify: Verify, policy: Asked['policy'] = {}) =>
  network.submit(pictureContract(SHARDS, 'several hubs', { verify, policy }))

/** Two agents of different owners at a hub. */
const pair = ({ hub }: TestHub, number: number) =>
  [
    [hub, `ada ${number}`],
    [hub, `bob ${number}`],
  ] as const

const byEpoch = async (submitted: Submitted) => (await network.durable(submitted)).byEpoch

/** What the job's charge was divided into; the submitter's account included the sum is nothing. */
async function paid(id: string): Promise<number> {
  const { rows } = await network.database.pool.query<{ amount: string }>(
    `SELECT coalesce(sum(amount), 0) AS amount FROM credit_transfers WHERE job_id = $1 AND flag = 'posted'`,
    [id],
  )
  return Number(rows[0]?.amount)
}

async function expectWhole(submitted: Submitted): Promise<JobRow> {
  const { row, job } = submitted
  const done = await network.settled(row.id)
  expect(done.result_digest).toBe(expectedDigest(job))
  const { times } = await network.durable(submitted)
  expect(times).toEqual(times.map(() => 1))
  expect(done.progress?.accepted).toBe(SHARDS)
  const { computation = 0, verification = 0, referee = 0 } = done.bill ?? {}
  expect(await paid(row.id)).toBe((computation + verification + referee) * (row.shard_price ?? 0))
  return done
}

describe('several hubs of one store', () => {
  it('serve one job together: the digest, the shards and the bill are those of one hub', async () => {
    const start = network.cluster()
    const [first, second] = [await start(), await start()]
    const submitted = await picture({ mode: 'quorum', k: 2 })
    await network.crew([...pair(first, 0), ...pair(second, 1)])
    await first.hub.admit(submitted.row)
    const done = await expectWhole(submitted)
    expect(done.bill).toMatchObject({ computation: SHARDS, verification: SHARDS, referee: 0 })
    expect(done.progress).toMatchObject({ owners: 4, copies: 2 * SHARDS, by_method: { quorum: SHARDS } })
    expect([...(await byEpoch(submitted)).keys()].sort()).toEqual([first.hub.epoch, second.hub.epoch].sort())
  })

  it('serve an adaptive job by three, also when every message between them is lost', async () => {
    const start = network.cluster(DEAF_BUS)
    const all = [await start(), await start(), await start()]
    for (const [at, { hub }] of all.entries()) await network.workTrusted(hub, `trusted ${at}`)
    const submitted = await picture({ mode: 'adaptive', epsilon: 1e-4 })
    const [, submittedTo] = all
    await submittedTo?.hub.admit(submitted.row)
    const done = await expectWhole(submitted)
    const { single = 0, referee = 0 } = done.progress?.by_method ?? {}
    expect(single + referee).toBe(SHARDS)
    await until(() => all.every(({ hub }) => hub.progress(submitted.row.id) === undefined))
  })

  it('go on with the chunks of a hub that is killed, and nothing is paid twice', async () => {
    const start = network.cluster()
    const [first, second] = [await start(), await start()]
    const before = async (lease: number) => lease < 3 || NEVER
    await network.crew(pair(first, 0), { before })
    const submitted = await picture({ mode: 'quorum', k: 2 })
    await first.hub.admit(submitted.row)
    await until(async () => (await byEpoch(submitted)).size > 0)
    await first.kill()
    await network.crew(pair(second, 1))
    const done = await expectWhole(submitted)
    expect(done.bill).toMatchObject({ computation: SHARDS, verification: SHARDS })
    expect((await byEpoch(submitted)).size).toBe(2)
  })

  it('finish a job whose finisher is killed', async () => {
    const start = network.cluster()
    let stuck = () => {}
    const isStuck = new Promise<void>((resolve) => {
      stuck = resolve
    })
    const first = await start({
      jobs: {
        ...network.jobs,
        settle: () => {
          stuck()
          return new Promise(() => {})
        },
      },
    })
    const second = await start()
    await network.crew(pair(first, 0))
    const submitted = await picture({ mode: 'quorum', k: 2 })
    await first.hub.admit(submitted.row)
    await isStuck
    await first.kill()
    // As if the time had passed in which a hub that says nothing is still taken for alive.
    await network.database.pool.query(
      `UPDATE hub_beats SET beat_at = now() - interval '1 hour' WHERE epoch = $1`,
      [first.hub.epoch],
    )
    await expectWhole(submitted)
    expect(second.hub.epoch).toBeGreaterThan(first.hub.epoch)
  })

  it('execute again what rests on the word of an agent that another hub finds wrong', async () => {
    const start = network.cluster(DEAF_BUS)
    const [first, second] = [await start(), await start()]
    const submitted = await picture({ mode: 'spotcheck', rate: 1e-9 })
    await first.hub.admit(submitted.row)
    const shifted = (leaf: Uint8Array) => leaf.with(56, (leaf[56] ?? 0) ^ 1)
    const liar = await network.workTrusted(first.hub, 'mallory', { corrupt: shifted, leases: 3 })
    await until(async () => (await byEpoch(submitted)).size > 0)
    liar.stop()
    // The first hub is gone with all that it knew; the agent is found wrong elsewhere.
    await first.kill()
    await network.trust.failed([
      { agent: sha256Hex(await liar.publicKey()), executor: 'cpu', reason: 'wrong', job_id: undefined },
    ])
    await network.workTrusted(second.hub, 'honest')
    const done = await expectWhole(submitted)
    expect(done.progress?.by_method.referee).toBeGreaterThan(0)
    const { rows } = await network.database.pool.query<{ copies: string }>(
      `SELECT sum(line.computation + line.verification) AS copies FROM result_groups g
       CROSS JOIN LATERAL jsonb_to_recordset(g.work) AS line (agent text, computation bigint, verification bigint)
       WHERE g.job_id = $1 AND line.agent = $2`,
      [submitted.row.id, sha256Hex(await liar.publicKey())],
    )
    expect(Number(rows[0]?.copies)).toBe(0)
  })

  it('show the whole job at each of them, and count agents of all towards what it waits for', async () => {
    const start = network.cluster()
    const [first, second] = [await start(), await start()]
    const submitted = await picture({ mode: 'none' }, { min_agents: 2 })
    await first.hub.admit(submitted.row)
    // One agent at each hub: neither hub has the two that the job waits for.
    const members = [
      [first.hub, 'ada'],
      [second.hub, 'bob'],
    ] as const
    await network.crew(members, { leases: 2 })
    await until(async () => {
      const { accepted, byEpoch } = await network.durable(submitted)
      const shown = [first.hub, second.hub].map((hub) => hub.room(submitted.row.id)?.progress)
      return byEpoch.size === 2 && shown.every((one) => one?.accepted === accepted && one.owners === 2)
    })
    const cells = [first.hub, second.hub].map(
      (hub) => hub.room(submitted.row.id)?.grid.cells.match(/a/g)?.length,
    )
    expect(cells[0]).toBe(cells[1])
    await until(() => first.hub.network().agents === 2)
    expect(first.hub.network()).toMatchObject({ agents: 2, owners: 2 })
    expect(await second.hub.cancel(submitted.row.id)).toBe(true)
    expect((await network.jobs.get(submitted.row.id))?.state).toBe('cancelled')
    await until(() => first.hub.progress(submitted.row.id) === undefined)
  })

  it('hear of a revoked key and of a job that is cancelled elsewhere from the database alone', async () => {
    const start = network.cluster(DEAF_BUS)
    const [first, second] = [await start(), await start()]
    const submitted = await picture({ mode: 'none' }, { min_agents: 9 })
    await first.hub.admit(submitted.row)
    const agent = await network.work(second.hub, 'carol')
    await until(() => second.hub.progress(submitted.row.id) !== undefined)
    const owner = await network.owner('carol')
    expect(await network.agents.revoke(sha256Hex(await agent.publicKey()), owner.id)).toBe(true)
    await until(() => !second.hub.sessionExists(agent.session))
    expect(agent.heard.at(-1)).toEqual({ t: 'ended', reason: 'its owner has revoked this key' })
    expect(await first.hub.cancel(submitted.row.id)).toBe(true)
    await until(() => second.hub.progress(submitted.row.id) === undefined)
  })

  it('let one of them at a time serve a job that may stop early, and another one when it is gone', async () => {
    const start = network.cluster()
    const [first, second] = [await start(), await start()]
    const submitted = await network.submit(piWithTarget('target'))
    await network.crew(pair(first, 0), { leases: 1 })
    await first.hub.admit(submitted.row)
    await until(async () => (await byEpoch(submitted)).size > 0)
    await first.kill()
    await network.crew(pair(second, 1))
    const done = await network.settled(submitted.row.id)
    expect(done.result_digest).toBe(expectedDigest(submitted.job))
    expect(done.covered_shards).toBeLessThan(10)
    expect((await createCreditStore(network.database.pool).balance(done.owner_id)).held).toBe(0)
  })
})
