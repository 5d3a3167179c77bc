import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLog } from '../core/log.ts'
import { beGuest, PASSWORD, postJson, type SignedUp, signIn, signUp } from '../http/testing/sign-up.ts'
import {
  createTestPool,
  piContract,
  type RunningPool,
  TEST_GRANT,
  type TestPool,
} from '../http/testing/start-pool.ts'
import { createSignIn } from './lazy-sign-in.ts'

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

  it('has a Secure cookie that no other host can set where the site is reached by https', async () => {
    const ada = await signUp(pool)
    const origin = 'https://pool.example'
    const secure = createSignIn({
      database: testPool.database,
      origin,
      secret: 'the secret of a test, long enough',
      people: { came: async () => {}, renamed: async () => {}, claimed: async () => {} },
      mailer: { post: () => {}, close: async () => {} },
      log: createLog('silent'),
    })
    const answer = await secure.handle(
      new Request(`${origin}/api/auth/sign-in/email`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: ada.email, password: PASSWORD }),
      }),
    )
    const [cookie = ''] = answer.headers.getSetCookie()
    expect(cookie).toMatch(/^__Host-forge\.session_token=/)
    for (const attribute of ['HttpOnly', 'SameSite=Lax', 'Path=/', 'Secure'])
      expect(cookie).toContain(attribute)
    expect(cookie).not.toContain('Domain')
    expect(await secure.session(cookie.split(';', 1)[0] ?? '')).toMatchObject({ name: ada.name })
    // Of the plain one this site knows nothing.
    expect(await secure.session(ada.headers.cookie)).toBeUndefined()
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

describe('mail', () => {
  const mailsTo = (email: string) => testPool.mails.filter(({ to }) => to === email)
  const linkIn = (text = '') => /^http\S+$/m.exec(text)?.[0] ?? ''
  const ask = (email: string) => auth('/request-password-reset', { email, redirectTo: '/reset-password' })

  it('asks a newcomer to show that the address is his, and believes the link', async () => {
    const ada = await signUp(pool)
    const [mail] = mailsTo(ada.email)
    expect(mail?.subject).toBe('Your address at Forge Pool')
    const opened = await fetch(linkIn(mail?.text), { redirect: 'manual' })
    expect([opened.status, opened.headers.get('location')]).toEqual([302, '/'])
    expect(await ada.call('account.me', undefined)).toMatchObject({ email_verified: true })
    const forged = await fetch(linkIn(mail?.text).replace(/token=.{20}/, 'token=aaaaaaaaaaaaaaaaaaaa'), {
      redirect: 'manual',
    })
    expect(forged.headers.get('location')).toContain('error=INVALID_TOKEN')
  })

  it('tells somebody who has an account that somebody tried to make another', async () => {
    const ada = await signUp(pool)
    await auth('/sign-up/email', { name: 'Eve', email: ada.email, password: 'another password' })
    expect(mailsTo(ada.email).map(({ subject }) => subject)).toContain(
      'You already have an account at Forge Pool',
    )
  })

  it('brings a link for a new password, which works once and signs out everywhere', async () => {
    const ada = await signUp(pool)
    const known = await ask(ada.email)
    const unknown = await ask('nobody@people.example')
    expect([known.status, await known.json()]).toEqual([unknown.status, await unknown.json()])
    expect(mailsTo('nobody@people.example')).toEqual([])

    const link = linkIn(mailsTo(ada.email).at(-1)?.text)
    expect(link).toMatch(`${pool.url}/reset-password?token=`)
    const token = new URL(link).searchParams.get('token') ?? ''
    const { rows } = await testPool.database.pool.query<{ row: string }>(
      'SELECT v::text AS row FROM verifications v',
    )
    for (const { row } of rows) expect(row).not.toContain(token)

    const reset = { token, newPassword: 'a better password' }
    expect((await auth('/reset-password', reset)).status).toBe(200)
    const again = await auth('/reset-password', { ...reset, newPassword: 'the password of a thief' })
    expect([again.status, await again.json()]).toMatchObject([400, { code: 'INVALID_TOKEN' }])
    await expect(ada.call('account.me', undefined)).rejects.toThrow('your session has ended')
    await expect(signIn(pool, ada)).rejects.toThrow('401')
    await signIn(pool, { ...ada, password: 'a better password' })
    expect(mailsTo(ada.email).at(-1)?.subject).toBe('Your password at Forge Pool was changed')
  })

  it('leads nowhere else', async () => {
    const ada = await signUp(pool)
    const sent = mailsTo(ada.email).length
    await auth('/request-password-reset', { email: ada.email, redirectTo: 'http://evil.example/steal' })
    for (const { text } of mailsTo(ada.email).slice(sent)) expect(text).not.toContain('evil.example')
  })
})

describe('sessions of an account', () => {
  interface Session {
    readonly id: string
    readonly current: boolean
  }
  const sessionsOf = async (person: SignedUp) =>
    ((await person.call('account.sessions', undefined)) as { items: Session[] }).items

  it('are listed, ended one by one or all at once', async () => {
    const ada = await signUp(pool)
    const [second, third] = [await signIn(pool, ada), await signIn(pool, ada)]
    const listed = await sessionsOf(ada)
    expect(listed.map(({ current }) => current)).toEqual([false, false, true])
    expect(JSON.stringify(listed)).not.toContain('token')

    await ada.call('account.endSession', {
      id: (await sessionsOf(second)).find(({ current }) => current)?.id,
    })
    await expect(second.call('account.me', undefined)).rejects.toThrow('your session has ended')
    await third.call('account.me', undefined)

    expect(await third.call('account.signOutEverywhere', undefined)).toEqual({ ended: 2 })
    for (const person of [ada, third]) {
      await expect(person.call('account.me', undefined)).rejects.toThrow('your session has ended')
    }
  })

  it('are somebody’s alone: to others they are not there', async () => {
    const [ada, eve] = [await signUp(pool), await signUp(pool, 'Eve')]
    const [session] = await sessionsOf(ada)
    await expect(eve.call('account.endSession', { id: session?.id })).rejects.toThrow('404')
    await ada.call('account.me', undefined)
  })

  it('end with their time', async () => {
    const ada = await signUp(pool)
    await testPool.database.pool.query(
      `UPDATE sessions SET expires_at = now() - interval '1 second'
       FROM users WHERE users.id = user_id AND email = $1`,
      [ada.email],
    )
    await expect(ada.call('account.me', undefined)).rejects.toThrow('your session has ended')
  })
})

describe('an account that is erased', () => {
  it('takes its password, and leaves work that nobody is named for', async () => {
    const ada = await signUp(pool, 'Ada to be erased')
    const { token } = (await ada.call('keys.create', { name: 'program' })) as { token: string }
    const { id } = (await ada.call('jobs.submit', { contract: piContract('erased', 4) })) as { id: string }
    await ada.call('jobs.publish', { id, visibility: 'public' })
    await expect(ada.call('account.erase', { password: 'wrong password' })).rejects.toThrow(
      'the password is wrong',
    )
    await ada.call('account.me', undefined)

    await ada.call('account.erase', { password: PASSWORD })
    await expect(ada.call('account.me', undefined)).rejects.toThrow('your session has ended')
    await expect(signIn(pool, ada)).rejects.toThrow('401')
    const byKey = await fetch(`${pool.url}/api/trpc/jobs.list`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(byKey.status).toBe(401)
    const job = await fetch(`${pool.url}/api/v0/jobs/${id}`)
    expect(await job.json()).toMatchObject({ id, state: 'cancelled' })
    const { rows } = await testPool.database.pool.query<{ dump: string }>(
      `SELECT coalesce(string_agg(dump, ' '), '') AS dump FROM (
         SELECT o::text AS dump FROM owners o UNION ALL SELECT u::text FROM users u
         UNION ALL SELECT s::text FROM sessions s UNION ALL SELECT v::text FROM verifications v) AS everything`,
    )
    for (const trace of [ada.email, ada.name]) expect(rows[0]?.dump).not.toContain(trace)
    // The address is free again.
    expect((await auth('/sign-up/email', { name: 'Ada', email: ada.email, password: PASSWORD })).status).toBe(
      200,
    )
    await signIn(pool, ada)
  })
})

describe('a guest', () => {
  const balanceOf = async (person: Pick<SignedUp, 'call'>) =>
    (await person.call('credits.balance', undefined)) as { available: number; held: number }
  const run = async (guest: Pick<SignedUp, 'call'>, example = 'pi') =>
    (await guest.call('guest.runExample', { example })) as { id: string; created: boolean }

  it('has an anonymous account of his own', async () => {
    const guest = await beGuest(pool)
    expect(await guest.call('account.me', undefined)).toMatchObject({ kind: 'guest', email: null })
  })

  it('runs one example on credits that are just enough, and nothing else', async () => {
    const guest = await beGuest(pool)
    const first = await run(guest)
    expect(first.created).toBe(true)
    expect(await run(guest)).toEqual({ id: first.id, created: false })
    await expect(run(guest, 'option')).rejects.toThrow('a guest runs one example')
    await expect(run(guest, 'matmul')).rejects.toThrow('400')
    expect((await balanceOf(guest)).available).toBe(0)
    expect((await balanceOf(guest)).held).toBeGreaterThan(0)
    await expect(guest.call('jobs.submit', { contract: piContract('more') })).rejects.toThrow('403')
    expect(await guest.call('jobs.get', { id: first.id })).toMatchObject({ own: true, visibility: 'private' })
    const other = await beGuest(pool)
    await expect(other.call('jobs.get', { id: first.id })).rejects.toThrow('404')
  })

  it.each(['signs up', 'signs in'] as const)('who %s takes it with him', async (how) => {
    const account =
      how === 'signs in'
        ? await signUp(pool)
        : { name: 'Guest no more', email: `guest-${Date.now()}@people.example`, password: PASSWORD }
    const guest = await beGuest(pool)
    const { id } = await run(guest)
    const { held } = await balanceOf(guest)
    if (how === 'signs up') await auth('/sign-up/email', account, guest.headers)
    const person = await signIn(pool, account, guest.headers)
    expect(await person.call('jobs.get', { id })).toMatchObject({ own: true })
    expect(await balanceOf(person)).toEqual({ available: TEST_GRANT, held, holds: expect.anything() })
    await expect(guest.call('account.me', undefined)).rejects.toThrow('your session has ended')
    // Another guest, claimed by the same account, is no different.
    const again = await beGuest(pool)
    const second = await run(again)
    const later = await signIn(pool, account, again.headers)
    for (const job of [id, second.id])
      expect(await later.call('jobs.get', { id: job })).toMatchObject({ own: true })
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
