import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sha256Hex } from '../../kernel/digest.ts'
import { createAgentStore } from './agent-store.ts'
import { createOwnerStore } from './owner-store.ts'
import type { OwnerRow } from './ports/owners.ts'
import { sampleAccount } from './testing/samples.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'
import { createTrustStore, type TrustStore } from './trust-store.ts'

let database: TestDatabase
let trust: TrustStore
let account: OwnerRow
let network: OwnerRow
let keys = 0

beforeAll(async () => {
  database = await createTestDatabase()
  trust = createTrustStore(database)
  account = await sampleAccount(database, 'ada')
  network = await createOwnerStore(database).network('203.0.113.0/24')
})
afterAll(() => database.close())

async function newAgent(): Promise<string> {
  const id = sha256Hex(`trusted key ${++keys}`)
  await createAgentStore(database).enrolled(
    {
      id,
      owner_id: account.id,
      executor: 'webgpu',
      label: 'a laptop',
      software: 'forge-pool/0',
      site_id: null,
    },
    [],
  )
  return id
}

const admit = (agent: string, probePassed = true, ownerId = account.id) =>
  trust.admit(agent, 'webgpu', { ownerId, probePassed })
const later = (agent: string, column: 'checked_at' | 'quarantined_until' | 'appealed_at', interval: string) =>
  database.pool.query(`UPDATE agent_trust SET ${column} = ${column} - $2::interval WHERE agent_id = $1`, [
    agent,
    interval,
  ])
const wrong = (agent: string, reason = 'shard 3 differs') =>
  trust.failed([{ agent, executor: 'webgpu', reason, job_id: undefined }])

describe('reputation in the database', () => {
  it('begins with nothing; whether a key costs something is its owner’s kind', async () => {
    const agent = await newAgent()
    expect(await admit(agent)).toEqual({ t: 'admitted', checks: 0, probation: 0, blacklistable: true })
    expect(await admit(agent, true, network.id)).toMatchObject({ blacklistable: false })
  })

  it('grows by what was checked, summed over a statement, each executor for itself', async () => {
    const agent = await newAgent()
    await trust.passed([
      { agent, executor: 'webgpu', valid: 5 },
      { agent, executor: 'wasm', valid: 100 },
      { agent, executor: 'webgpu', valid: 7 },
      { agent: sha256Hex('nobody'), executor: 'webgpu', valid: 1 },
    ])
    await trust.passed([{ agent, executor: 'webgpu', valid: 1 }])
    expect(await admit(agent)).toMatchObject({ checks: 13 })
  })

  it('fades by half in a month without a check, also when the next check comes', async () => {
    const agent = await newAgent()
    await trust.passed([{ agent, executor: 'webgpu', valid: 1001 }])
    await later(agent, 'checked_at', '61 days')
    expect(await admit(agent)).toMatchObject({ checks: 250 })
    await trust.passed([{ agent, executor: 'webgpu', valid: 1 }])
    expect(await admit(agent)).toMatchObject({ checks: 251 })
  })

  it('ends with a wrong result: refused with the reason, then let in on probation with a probe that passes', async () => {
    const agent = await newAgent()
    await trust.passed([{ agent, executor: 'webgpu', valid: 2000 }])
    await wrong(agent)
    // What was on its way when it was found adds nothing any more.
    await trust.passed([{ agent, executor: 'webgpu', valid: 3 }])
    expect(await admit(agent)).toMatchObject({ t: 'quarantined', reason: 'shard 3 differs' })
    expect(await trust.admit(agent, 'wasm', { ownerId: account.id, probePassed: true })).toMatchObject({
      t: 'admitted',
    })
    await later(agent, 'quarantined_until', '61 minutes')
    expect(await admit(agent, false)).toEqual({ t: 'unmended', reason: 'shard 3 differs' })
    expect(await admit(agent)).toEqual({ t: 'admitted', checks: 0, probation: 100, blacklistable: true })
    await trust.passed([{ agent, executor: 'webgpu', valid: 60 }])
    expect(await admit(agent)).toMatchObject({ checks: 60, probation: 40 })
  })

  it('takes longer after every wrong result', async () => {
    const agent = await newAgent()
    const hours: number[] = []
    for (let i = 0; i < 3; i++) {
      await wrong(agent)
      const admission = await admit(agent)
      if (admission.t === 'quarantined')
        hours.push(Math.round((admission.until.getTime() - Date.now()) / 3_600_000))
    }
    expect(hours).toEqual([1, 2, 4])
  })

  it('can be appealed to once a day, for twice the probation', async () => {
    const agent = await newAgent()
    expect(await trust.appeal(agent, 'webgpu')).toBe(false)
    await wrong(agent)
    expect((await trust.ofAgents([agent])).get(agent)?.trust[0]?.may_appeal).toBe(true)
    expect(await trust.appeal(agent, 'webgpu')).toBe(true)
    expect(await admit(agent)).toMatchObject({ t: 'admitted', probation: 200 })
    await wrong(agent)
    expect(await trust.appeal(agent, 'webgpu')).toBe(false)
    await later(agent, 'appealed_at', '25 hours')
    expect(await trust.appeal(agent, 'webgpu')).toBe(true)
  })

  it('is told of many agents at once, the newest incidents first', async () => {
    const [one, other] = [await newAgent(), await newAgent()]
    for (let i = 1; i <= 12; i++) await wrong(one, `reason ${i}`)
    const all = await trust.ofAgents([one, other])
    expect(all.get(one)?.trust).toMatchObject([{ executor: 'webgpu', checks: 0, valid: 0, invalid: 12 }])
    expect(all.get(one)?.incidents.map(({ reason }) => reason)).toEqual(
      Array.from({ length: 10 }, (_, i) => `reason ${12 - i}`),
    )
    expect(all.get(other)).toEqual({ trust: [], incidents: [] })
  })
})
