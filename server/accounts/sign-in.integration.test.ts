import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { beGuest, PASSWORD, postJson, signIn, signUp } from '../http/testing/sign-up.ts'
import { createTestPool, type RunningPool, type TestPool } from '../http/testing/start-pool.ts'

let testPool: TestPool
let pool: RunningPool

beforeAll(async () => {
  testPool = await createTestPool()
  pool = await testPool.start()
})
afterAll(() => testPool.dispose())

const auth = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  postJson(`${pool.url}/api/auth${path}`, body, headers)

describe('somebody who signs up', () => {
  it('has an account with an owner of his name, and sees it', async () => {
    const ada = await signUp(pool, 'Ada Lovelace')
    expect(await ada.call('account.me', undefined)).toMatchObject({
      kind: 'user',
      name: 'Ada Lovelace',
      email: ada.email,
      email_verified: false,
    })
    const { rows } = await testPool.database.pool.query(
      `SELECT kind, label FROM owners JOIN users ON users.id = owners.user_id WHERE email = $1`,
      [ada.email],
    )
    expect(rows).toEqual([{ kind: 'account', label: 'Ada Lovelace' }])
  })

  it('is known under his new name everywhere once he has changed it', async () => {
    const ada = await signUp(pool, 'Ada')
    expect((await auth('/update-user', { name: 'Countess' }, ada.headers)).status).toBe(200)
    expect(await ada.call('account.me', undefined)).toMatchObject({ name: 'Countess' })
    const { rows } = await testPool.database.pool.query(
      `SELECT label FROM owners JOIN users ON users.id = owners.user_id WHERE email = $1`,
      [ada.email],
    )
    expect(rows).toEqual([{ label: 'Countess' }])
  })

  it('learns nothing about who else has', async () => {
    const ada = await signUp(pool)
    const answers = await Promise.all(
      [ada.email, `new-${ada.email}`].map(async (email) => {
        const answer = await auth('/sign-up/email', { name: 'Eve', email, password: 'another password' })
        const { token, user } = (await answer.json()) as { token: unknown; user: Record<string, unknown> }
        const { id, email: told, createdAt, updatedAt, ...rest } = user
        expect(told).toBe(email)
        for (const value of [id, createdAt, updatedAt]) expect(value).toEqual(expect.any(String))
        return { status: answer.status, cookies: answer.headers.getSetCookie(), token, rest }
      }),
    )
    expect(answers[0]).toEqual(answers[1])
    await expect(signIn(pool, { ...ada, password: 'another password' })).rejects.toThrow('401')
    await signIn(pool, ada)
  })
})

describe('somebody who signs in', () => {
  it('is told the same for a wrong password and for an account that is not there', async () => {
    const ada = await signUp(pool)
    const wrong = await auth('/sign-in/email', { email: ada.email, password: 'wrong password' })
    const nobody = await auth('/sign-in/email', { email: 'nobody@people.example', password: PASSWORD })
    expect([wrong.status, nobody.status]).toEqual([401, 401])
    expect(await wrong.json()).toEqual(await nobody.json())
  })

  it('has a cookie that no script reads and no other site sends', async () => {
    const ada = await signUp(pool)
    const answer = await auth('/sign-in/email', { email: ada.email, password: PASSWORD })
    const [cookie = ''] = answer.headers.getSetCookie()
    expect(cookie).toMatch(/^forge\.session_token=/)
    for (const attribute of ['HttpOnly', 'SameSite=Lax', 'Path=/']) expect(cookie).toContain(attribute)
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it('is signed out by signing out, in that session alone', async () => {
    const ada = await signUp(pool)
    const elsewhere = await signIn(pool, ada)
    expect((await auth('/sign-out', {}, ada.headers)).status).toBe(200)
    await expect(ada.call('account.me', undefined)).rejects.toThrow('your session has ended')
    expect(await elsewhere.call('account.me', undefined)).toMatchObject({ email: ada.email })
  })

  it('has a session of which the database knows only the hash', async () => {
    const ada = await signUp(pool)
    const [token = ''] = decodeURIComponent(ada.headers.cookie.replace(/^forge\.session_token=/, '')).split(
      '.',
    )
    expect(token.length).toBeGreaterThanOrEqual(32)
    const { rows } = await testPool.database.pool.query<{ row: string }>(
      'SELECT s::text AS row FROM sessions s',
    )
    expect(rows.length).toBeGreaterThan(0)
    for (const { row } of rows) expect(row).not.toContain(token)
  })
})

describe('a guest', () => {
  it('has an anonymous account of his own', async () => {
    const guest = await beGuest(pool)
    expect(await guest.call('account.me', undefined)).toMatchObject({ kind: 'guest', email: null })
  })
})

describe('sign-in', () => {
  it('serves what it lists and nothing else of the library', async () => {
    const ada = await signUp(pool)
    for (const [method, path] of [
      ['GET', '/list-sessions'],
      ['POST', '/revoke-session'],
      ['POST', '/sign-in/social'],
      ['POST', '/delete-user'],
      ['GET', '/ok'],
      ['GET', '/error'],
      ['GET', '/sign-in/email'],
    ] as const) {
      const body = method === 'POST' ? { body: '{}' } : {}
      const answer = await fetch(`${pool.url}/api/auth${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...ada.headers },
        ...body,
      })
      expect([path, answer.status]).toEqual([path, 404])
    }
  })

  it('takes JSON from this site’s own pages and from programs only', async () => {
    const body = { email: 'a@people.example', password: PASSWORD }
    const from = (headers: Readonly<Record<string, string>>) => auth('/sign-in/email', body, headers)
    expect((await from({ origin: 'http://evil.example' })).status).toBe(403)
    expect((await from({ 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await from({ origin: pool.url, 'sec-fetch-site': 'same-origin' })).status).toBe(401)
    expect((await from({ 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415)
    const long = await auth('/sign-in/email', { ...body, password: 'x'.repeat(100_000) })
    expect(long.status).toBe(413)
  })

  it('logs no complaint about any of this', () => {
    expect(testPool.complaints).toEqual([])
  })
})
