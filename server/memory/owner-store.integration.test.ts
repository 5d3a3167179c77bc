import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sha256Hex } from '../../kernel/digest.ts'
import { createAgentStore } from './agent-store.ts'
import { createOwnerStore } from './owner-store.ts'
import { sampleAccount } from './testing/samples.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'

describe('owners and agents in PostgreSQL', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.close())

  it('has one owner for each network and user, also when many ask at once', async () => {
    const owners = createOwnerStore(database)
    const found = await Promise.all(Array.from({ length: 12 }, () => owners.network('203.0.113.0/24')))
    expect(new Set(found.map(({ id }) => id)).size).toBe(1)
    expect(found[0]).toEqual({ id: expect.any(String), kind: 'network', label: '203.0.113.0/24' })
    const user = { userId: 'u1', kind: 'account', label: '203.0.113.0/24' } as const
    await database.prisma.users.create({ data: { id: 'u1', name: 'x', email: 'x@people.example' } })
    const people = await Promise.all(Array.from({ length: 12 }, () => owners.addPerson(user)))
    expect(new Set(people.map(({ id }) => id)).size).toBe(1)
    expect(people[0]).toMatchObject({ kind: 'account', label: '203.0.113.0/24' })
    expect(people[0]?.id).not.toBe(found[0]?.id)
    expect(await owners.ofUser('u1')).toEqual(people[0])
    await owners.rename('u1', 'Ada')
    expect((await owners.ofUser('u1'))?.label).toBe('Ada')
    expect(await owners.ofUser('u2')).toBeUndefined()
  })

  it('keeps what an agent says about itself, and sums its work', async () => {
    const agents = createAgentStore(database)
    const [first, second] = [await sampleAccount(database, 'a'), await sampleAccount(database, 'b')]
    const said = { executor: 'webgpu', label: 'a laptop', software: 'forge-pool/0', site_id: null } as const
    const [id, other] = [sha256Hex('key 1'), sha256Hex('key 2')]
    await agents.enrolled({ id, owner_id: first.id, ...said })
    await agents.enrolled({ id: other, owner_id: first.id, ...said })
    await agents.credit([
      { id, shards: 64, leases: 1 },
      { id: other, shards: 3, leases: 1 },
      { id, shards: 36, leases: 1 },
    ])
    await agents.enrolled({ id, owner_id: second.id, ...said, label: 'the same laptop, renamed' })
    await agents.credit([{ id, shards: 1, leases: 0 }])
    await agents.credit([])
    const agent = await agents.get(id)
    expect(agent).toMatchObject({
      owner_id: second.id,
      label: 'the same laptop, renamed',
      shards: 101,
      leases: 2,
    })
    expect(agent?.last_seen.getTime()).toBeGreaterThanOrEqual(agent?.first_seen.getTime() ?? 0)
    expect(await agents.get(other)).toMatchObject({ shards: 3, leases: 1 })
    expect(await agents.get(sha256Hex('key 3'))).toBeUndefined()
  })
})
