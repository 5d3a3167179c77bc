import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOwnerStore } from './owner-store.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'

describe('owners in PostgreSQL', () => {
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
})
