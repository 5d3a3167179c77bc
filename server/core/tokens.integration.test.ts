import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOwnerStore } from '../memory/owner-store.ts'
import { sampleAccount } from '../memory/testing/samples.ts'
import { createTestDatabase, type TestDatabase } from '../memory/testing/test-database.ts'
import { createTokenStore } from '../memory/token-store.ts'
import type { Actor } from './actor.ts'
import { CORE_LIMITS } from './limits.ts'
import { createOwnerService, type OwnerService } from './owners.ts'
import { createTokenService, type TokenService } from './tokens.ts'

let database: TestDatabase
let owners: OwnerService
let tokens: TokenService
let now_ms = Date.now()
const revoked: string[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  owners = createOwnerService(createOwnerStore(database))
  tokens = createTokenService({
    store: createTokenStore(database),
    revoked: (id) => revoked.push(id),
    now_ms: () => now_ms,
  })
})
afterAll(() => database.close())

const person = async (label: string): Promise<Actor & { kind: 'user' }> => ({
  kind: 'user',
  ownerId: (await sampleAccount(database, label)).id,
  userId: label,
})

describe('owners', () => {
  it('are one for a network, whatever the address', async () => {
    const a = await owners.ofNetwork('203.0.113.9')
    expect(await owners.ofNetwork('::ffff:203.0.113.200')).toEqual(a)
    expect(a).toMatchObject({ kind: 'network', label: '203.0.113.0/24' })
    expect((await owners.ofNetwork('203.0.114.9')).id).not.toBe(a.id)
  })
})

describe.each([
  ['api_key', 'fpak_'],
  ['node_token', 'fpnt_'],
] as const)('a token of kind %s', (kind, prefix) => {
  it('names its owner; the database knows only its digest', async () => {
    const alice = await person(`alice ${kind}`)
    const { token, view } = await tokens.create(alice, kind, 'laptop')
    expect(token).toMatch(new RegExp(`^${prefix}[A-Za-z0-9_-]{43}$`))
    expect(view).toMatchObject({ name: 'laptop', prefix: token.slice(0, 9), revoked_at: null })
    expect(await tokens.resolve(kind, token)).toMatchObject({
      owner: { id: alice.ownerId },
      tokenId: view.id,
    })
    const { rows } = await database.pool.query<{ row: string }>('SELECT t::text AS row FROM tokens t')
    expect(rows.length).toBeGreaterThan(0)
    for (const { row } of rows) expect(row).not.toContain(token.slice(9))
  })

  it('is of no use for anything else, unknown or revoked, and says which', async () => {
    const alice = await person(`alice ${kind}`)
    const { token, view } = await tokens.create(alice, kind, 'to revoke')
    const other = kind === 'api_key' ? 'node_token' : 'api_key'
    await expect(tokens.resolve(other, token)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    await expect(tokens.resolve(kind, prefix + 'x'.repeat(43))).rejects.toMatchObject({
      message: expect.stringContaining('names nobody'),
    })
    expect(await tokens.holds(view.id)).toBe(true)
    const ended = await tokens.revoke(alice, kind, view.id)
    expect(ended.revoked_at).not.toBeNull()
    expect(await tokens.holds(view.id)).toBe(false)
    expect(revoked.includes(view.id)).toBe(kind === 'node_token')
    expect(await tokens.revoke(alice, kind, view.id)).toEqual(ended)
    await expect(tokens.resolve(kind, token)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining('revoked'),
    })
    expect((await tokens.list(alice, kind)).map(({ id }) => id)).toContain(view.id)
  })

  it('remembers its last use to the minute', async () => {
    const alice = await person(`alice ${kind}`)
    const { token, view } = await tokens.create(alice, kind, 'used')
    const lastUse = async () =>
      (await tokens.list(alice, kind)).find(({ id }) => id === view.id)?.last_used_at ?? null
    expect(await lastUse()).toBeNull()
    await tokens.resolve(kind, token)
    const first = await lastUse()
    expect(first).not.toBeNull()
    await tokens.resolve(kind, token)
    expect(await lastUse()).toBe(first)
    now_ms += 61_000
    await tokens.resolve(kind, token)
    expect(Date.parse((await lastUse()) ?? '')).toBeGreaterThan(Date.parse(first ?? ''))
  })

  it('is somebody’s alone: to others it is not there', async () => {
    const { view } = await tokens.create(await person(`alice ${kind}`), kind, 'mine')
    const mallory = await person('mallory')
    expect(await tokens.list(mallory, kind)).toEqual([])
    const foreign = await tokens.revoke(mallory, kind, view.id).catch((error: unknown) => error)
    expect(foreign).toMatchObject({ code: 'NOT_FOUND' })
    const missing = await tokens
      .revoke(mallory, kind, '00000000-0000-4000-8000-000000000000')
      .catch((error: unknown) => error)
    expect(JSON.stringify(missing)).toBe(JSON.stringify(foreign))
    for (const actor of [{ kind: 'visitor' }, { kind: 'key', ownerId: 'x', keyId: 'k' }] as const) {
      await expect(tokens.create(actor, kind, 'x')).rejects.toMatchObject({
        code: actor.kind === 'visitor' ? 'UNAUTHENTICATED' : 'FORBIDDEN',
      })
    }
  })

  it('has a limited number of siblings', async () => {
    const many = await person(`many ${kind}`)
    for (let made = 0; made < CORE_LIMITS.tokens_per_owner; made++) await tokens.create(many, kind, 'one')
    await expect(tokens.create(many, kind, 'too many')).rejects.toMatchObject({ code: 'CONFLICT' })
    const [first] = await tokens.list(many, kind)
    await tokens.revoke(many, kind, first?.id ?? '')
    await tokens.create(many, kind, 'instead')
  })
})

describe('the house', () => {
  it('keeps its token as long as it holds', async () => {
    const house = await owners.house()
    const token = await tokens.house(house, undefined)
    expect(await tokens.house(house, token)).toBe(token)
    expect((await tokens.resolve('node_token', token)).owner).toEqual(house)
    const { token: alices } = await tokens.create(await person('alice'), 'node_token', 'x')
    expect(await tokens.house(house, alices)).not.toBe(alices)
  })
})
