import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAgentStore } from './agent-store.ts'
import { createClusterStore } from './cluster-store.ts'
import { createJobStore } from './job-store.ts'
import { Leadership } from './leadership.ts'
import { BUS_MESSAGE_BYTES, PostgresBus } from './message-bus.ts'
import { createOwnerStore } from './owner-store.ts'
import { SAMPLE_TERMS, sampleAccount, sampleJob } from './testing/samples.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'
import { createTokenStore } from './token-store.ts'
import { createTrustStore } from './trust-store.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

async function newAgent(id: string): Promise<string> {
  const owner = await sampleAccount(database, 'owner')
  const key = id.repeat(64)
  await createAgentStore(database).enrolled(
    { id: key, owner_id: owner.id, executor: 'cpu', label: id, software: 'test/1', site_id: null },
    [],
  )
  return key
}

describe('what hubs tell each other through the database', () => {
  it('tells what every hub has to know once, whoever has written it', async () => {
    const store = createClusterStore(database)
    expect(await store.news()).toEqual([])
    const owner = await sampleAccount(database, 'owner')
    const agent = await newAgent('a')
    await createTrustStore(database).failed([{ agent, executor: 'cpu', reason: 'wrong', job_id: undefined }])
    await createAgentStore(database).revoke(agent, owner.id)
    const tokens = createTokenStore(database)
    const token = await tokens.add({
      hash: 'b'.repeat(64),
      owner_id: owner.id,
      kind: 'node_token',
      name: 'node',
      prefix: 'fpnt_1234',
    })
    await tokens.revoke(token.id)
    const guest = await sampleAccount(database, 'guest')
    const { job } = await createJobStore(database, SAMPLE_TERMS).insert(sampleJob(guest.id))
    await database.pool.query('UPDATE jobs SET owner_id = $1 WHERE id = $2', [owner.id, job.id])
    await database.pool.query(`UPDATE owners SET label = 'erased', user_id = NULL WHERE id = $1`, [guest.id])
    const news = await store.news()
    expect(news.map(({ body }) => body)).toEqual([
      { t: 'agent.failed', agent, executor: 'cpu', reason: 'wrong' },
      { t: 'agent.revoked', agent },
      { t: 'token.revoked', token: token.id },
      { t: 'owner.moved', from: guest.id, to: owner.id },
      { t: 'owner.erased', owner: guest.id },
    ])
    expect(await store.news()).toEqual([])
    // Revoked again, renamed, ended: nothing that another hub would have to know.
    await createAgentStore(database).revoke(agent, owner.id)
    await createOwnerStore(database).rename('nobody', 'name')
    expect(await store.news()).toEqual([])
  })

  it('tells what becomes visible late, although its number is smaller', async () => {
    const store = createClusterStore(database)
    await store.news()
    const late = await database.pool.connect()
    await late.query('BEGIN')
    await late.query(`INSERT INTO hub_news (body) VALUES ('{"t": "late"}')`)
    await database.pool.query(`INSERT INTO hub_news (body) VALUES ('{"t": "early"}')`)
    expect((await store.news()).map(({ body }) => body)).toEqual([{ t: 'early' }])
    await late.query('COMMIT')
    late.release()
    expect((await store.news()).map(({ body }) => body)).toEqual([{ t: 'late' }])
  })

  it('knows which hubs are there, and keeps parts of jobs until they end', async () => {
    const [one, two] = [createClusterStore(database), createClusterStore(database)]
    expect((await one.poll(101, { agents: 1 }, [])).hubs).toEqual([])
    const owner = await sampleAccount(database, 'owner')
    const jobs = createJobStore(database, SAMPLE_TERMS)
    const { job } = await jobs.insert(sampleJob(owner.id))
    const heard = await two.poll(102, { agents: 2 }, [])
    expect(heard).toMatchObject({ hubs: [{ epoch: 101, status: { agents: 1 } }], news: [], parts: [] })
    expect(heard.unfinished).toContain(job.id)
    for (const accepted of [1, 2]) {
      await one.poll(101, {}, [{ job_id: job.id, part: { accepted } }])
      expect((await two.poll(102, {}, [])).parts).toEqual([
        { epoch: 101, job_id: job.id, part: { accepted } },
      ])
    }
    expect((await one.poll(101, {}, [])).parts).toEqual([])
    await jobs.transition(job.id, ['submitted'], 'cancelled')
    const late = await one.poll(101, {}, [{ job_id: job.id, part: { accepted: 3 } }])
    expect(late.unfinished).not.toContain(job.id)
    await one.sweep()
    expect((await createClusterStore(database).poll(103, {}, [])).parts).toEqual([])
    const { job: other } = await jobs.insert(sampleJob(owner.id))
    await one.leave(101, [{ job_id: other.id, part: { accepted: 4 } }])
    expect(await two.poll(102, {}, [])).toMatchObject({
      hubs: [{ epoch: 103 }],
      parts: [{ epoch: 101, job_id: other.id, part: { accepted: 4 } }],
    })
    await database.pool.query(`UPDATE hub_beats SET beat_at = now() - interval '1 minute'`)
    expect((await one.poll(104, {}, [])).hubs).toEqual([])
  })

  it('tells news to whoever polls as to whoever asks for nothing else, once', async () => {
    const store = createClusterStore(database)
    expect((await store.poll(201, {}, [])).news).toEqual([])
    await database.pool.query(`INSERT INTO hub_news (body) VALUES ('{"t": "one"}'), ('{"t": "two"}')`)
    expect((await store.poll(201, {}, [])).news.map(({ body }) => body)).toEqual([{ t: 'one' }, { t: 'two' }])
    await database.pool.query(`INSERT INTO hub_news (body) VALUES ('{"t": "three"}')`)
    expect((await store.news()).map(({ body }) => body)).toEqual([{ t: 'three' }])
    expect((await store.poll(201, {}, [])).news).toEqual([])
  })
})

describe('the bus of PostgreSQL', () => {
  it('carries messages to every server, and goes on after its connection was lost', async () => {
    const lost: unknown[] = []
    const buses = [
      new PostgresBus(database, (error) => lost.push(error)),
      new PostgresBus(database, () => {}),
    ]
    await Promise.all(buses.map((bus) => bus.open()))
    const heard: string[] = []
    let wake = () => {}
    const next = () =>
      new Promise<void>((resolve) => {
        wake = resolve
      })
    buses[0]?.subscribe((message) => {
      heard.push(message)
      wake()
    })
    const first = next()
    buses[1]?.publish('one')
    await first
    expect(heard).toEqual(['one'])
    // Longer than PostgreSQL carries: not sent, and no error.
    buses[1]?.publish('x'.repeat(BUS_MESSAGE_BYTES + 1))
    await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'forge-pool-bus' AND datname = current_database()`,
    )
    while (!heard.includes('two')) {
      buses[1]?.publish('two')
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(lost.length).toBeGreaterThan(0)
    await Promise.all(buses.map((bus) => bus.close()))
  })
})

describe('the leader of the servers of one database', () => {
  it('is one of them, and another one when it goes or its connection is lost', async () => {
    const gained: string[] = []
    const stand = async (name: string) => {
      const leadership = new Leadership(database.url, { gained: () => gained.push(name), failed: () => {} })
      await leadership.stand()
      return leadership
    }
    const [ada, bob] = [await stand('ada'), await stand('bob')]
    expect([ada.isLeader, bob.isLeader]).toEqual([true, false])
    await ada.close()
    await bob.stand()
    expect([ada.isLeader, bob.isLeader]).toEqual([false, true])
    expect(gained).toEqual(['ada', 'bob'])
    await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'forge-pool-leader' AND datname = current_database()`,
    )
    while (gained.length < 3) await new Promise((resolve) => setImmediate(resolve))
    expect(gained).toEqual(['ada', 'bob', 'bob'])
    await bob.close()
  })
})
