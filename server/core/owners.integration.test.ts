import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOwnerStore } from '../memory/owner-store.ts'
import { createTestDatabase, type TestDatabase } from '../memory/testing/test-database.ts'
import { createOwnerService, type OwnerService } from './owners.ts'

let database: TestDatabase
let owners: OwnerService

beforeAll(async () => {
  database = await createTestDatabase()
  owners = createOwnerService(createOwnerStore(database))
})
afterAll(() => database.close())

describe('owners', () => {
  it('are one for a network, whatever the address or key', async () => {
    const a = await owners.ofConnection('203.0.113.9', undefined)
    const b = await owners.ofConnection('::ffff:203.0.113.200', undefined)
    expect(b).toEqual(a)
    expect(a).toMatchObject({ kind: 'network', label: '203.0.113.0/24' })
    expect((await owners.ofConnection('203.0.114.9', undefined)).id).not.toBe(a.id)
  })

  it('are named by a token, of which the database knows only the digest', async () => {
    const local = await owners.local()
    const { token, owner } = await owners.createToken({ kind: 'local', ownerId: local.id }, 'alice')
    expect(owner).toBe('alice')
    expect(token).toMatch(/^fpnt_[A-Za-z0-9_-]{43}$/)
    expect(await owners.ofConnection('198.51.100.1', token)).toMatchObject({
      kind: 'account',
      label: 'alice',
    })
    const { rows } = await database.pool.query<{ row: string }>('SELECT t::text AS row FROM owner_tokens t')
    expect(rows.length).toBeGreaterThan(0)
    for (const { row } of rows) expect(row).not.toContain(token.slice(5))
    await expect(owners.ofConnection('198.51.100.1', `fpnt_${'x'.repeat(43)}`)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    })
    await expect(owners.createToken({ kind: 'visitor' }, 'mallory')).rejects.toMatchObject({
      code: 'FORBIDDEN',
    })
  })

  it('keep the house apart, and its token as long as it holds', async () => {
    const token = await owners.houseToken(undefined)
    expect(await owners.houseToken(token)).toBe(token)
    expect((await owners.ofConnection('127.0.0.1', token)).kind).toBe('house')
    const { token: alice } = await owners.createToken({ kind: 'local', ownerId: 'x' }, 'alice')
    expect(await owners.houseToken(alice)).not.toBe(alice)
  })
})
