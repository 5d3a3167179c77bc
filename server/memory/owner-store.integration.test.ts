import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sha256Hex } from '../../kernel/digest.ts'
import { createOwnerStore } from './owner-store.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'

describe('owners in PostgreSQL', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.close())

  it('has one owner for each kind and label, also when many ask at once', async () => {
    const owners = createOwnerStore(database)
    const found = await Promise.all(Array.from({ length: 12 }, () => owners.network('203.0.113.0/24')))
    expect(new Set(found.map(({ id }) => id)).size).toBe(1)
    expect(found[0]).toEqual({ id: expect.any(String), kind: 'network', label: '203.0.113.0/24' })
    const account = await owners.ensure('account', '203.0.113.0/24')
    expect(account.id).not.toBe(found[0]?.id)
  })

  it('finds the owner of a token, and keeps only its hash', async () => {
    const owners = createOwnerStore(database)
    const house = await owners.ensure('house', 'house')
    await owners.addToken(house.id, sha256Hex('fpnt_secret'))
    await owners.addToken(house.id, sha256Hex('fpnt_secret'))
    expect(await owners.byToken(sha256Hex('fpnt_secret'))).toEqual(house)
    expect(await owners.byToken(sha256Hex('fpnt_other'))).toBeUndefined()
    const { rows } = await database.pool.query<{ text: string }>(
      'SELECT t::text AS text FROM owner_tokens AS t',
    )
    expect(rows.map(({ text }) => text).join()).not.toContain('fpnt_')
  })
})
