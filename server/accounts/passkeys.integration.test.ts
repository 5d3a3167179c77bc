import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { beGuest, cookiesOf, postJson, type SignedUp, signUp } from '../http/testing/sign-up.ts'
import { createTestPool, type RunningPool, type TestPool } from '../http/testing/start-pool.ts'
import { Authenticator } from './testing/authenticator.ts'

let testPool: TestPool
let pool: RunningPool

beforeAll(async () => {
  testPool = await createTestPool()
  pool = await testPool.start()
})
afterAll(() => testPool.dispose())

type Headers = Readonly<Record<string, string>>

const url = (path: string) => `${pool.url}/api/auth/passkey${path}`

/** What the site asks the authenticator, and the cookies with which the answer must come. */
async function challenge(path: string, headers: Headers): Promise<{ challenge: string; headers: Headers }> {
  const answer = await fetch(url(path), { headers })
  expect(answer.status).toBe(200)
  const { challenge } = (await answer.json()) as { challenge: string }
  const cookie = [headers.cookie, cookiesOf(answer)].filter(Boolean).join('; ')
  return { challenge, headers: { cookie } }
}

async function register(ada: SignedUp, authenticator: Authenticator): Promise<string> {
  const asked = await challenge('/generate-register-options', ada.headers)
  const answer = await postJson(
    url('/verify-registration'),
    { response: authenticator.create(asked.challenge), name: 'laptop' },
    asked.headers,
  )
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { id: string }).id
}

describe('a passkey', () => {
  it('is registered by who has signed in, and signs in from then on', async () => {
    const ada = await signUp(pool)
    const authenticator = new Authenticator(pool.url)
    await register(ada, authenticator)
    const list = await fetch(url('/list-user-passkeys'), { headers: ada.headers })
    expect(await list.json()).toMatchObject([{ name: 'laptop' }])

    const asked = await challenge('/generate-authenticate-options', {})
    const signedIn = await postJson(
      url('/verify-authentication'),
      { response: authenticator.get(asked.challenge) },
      asked.headers,
    )
    expect(signedIn.status).toBe(200)
    const me = await fetch(`${pool.url}/api/trpc/account.me`, { headers: { cookie: cookiesOf(signedIn) } })
    expect(await me.json()).toMatchObject({ result: { data: { email: ada.email } } })
  })

  it('answers a challenge once, and only one that was asked here', async () => {
    const ada = await signUp(pool)
    const authenticator = new Authenticator(pool.url)
    await register(ada, authenticator)
    const asked = await challenge('/generate-authenticate-options', {})
    const answer = { response: authenticator.get(asked.challenge) }
    expect((await postJson(url('/verify-authentication'), answer, asked.headers)).status).toBe(200)
    const again = await postJson(url('/verify-authentication'), answer, asked.headers)
    expect([again.status, await again.json()]).toMatchObject([400, { code: 'CHALLENGE_NOT_FOUND' }])

    const other = await challenge('/generate-authenticate-options', {})
    const wrong = { response: authenticator.get(asked.challenge) }
    expect((await postJson(url('/verify-authentication'), wrong, other.headers)).status).toBe(400)
  })

  it('made for another site or by another key signs nobody in', async () => {
    const ada = await signUp(pool)
    const authenticator = new Authenticator(pool.url)
    await register(ada, authenticator)
    for (const stranger of [new Authenticator('http://evil.example'), new Authenticator(pool.url)]) {
      const asked = await challenge('/generate-authenticate-options', {})
      const answer = await postJson(
        url('/verify-authentication'),
        { response: stranger.get(asked.challenge) },
        asked.headers,
      )
      expect([400, 401]).toContain(answer.status)
      expect(cookiesOf(answer)).not.toContain('session_token')
    }
  })

  it('is somebody’s alone: to others it is not there', async () => {
    const [ada, eve] = [await signUp(pool), await signUp(pool, 'Eve')]
    const id = await register(ada, new Authenticator(pool.url))
    for (const [path, more] of [
      ['/delete-passkey', {}],
      ['/update-passkey', { name: 'mine now' }],
    ] as const) {
      const foreign = await postJson(url(path), { id, ...more }, eve.headers)
      const missing = await postJson(url(path), { id: 'no such passkey', ...more }, eve.headers)
      expect([foreign.status, missing.status]).toEqual([404, 404])
      expect(await foreign.json()).toEqual(await missing.json())
      expect((await postJson(url(path), { id, ...more })).status).toBe(401)
    }
    expect((await postJson(url('/update-passkey'), { id, name: 'old laptop' }, ada.headers)).status).toBe(200)
    expect((await postJson(url('/delete-passkey'), { id }, ada.headers)).status).toBe(200)
  })

  it('is not for guests', async () => {
    const guest = await beGuest(pool)
    const asked = await fetch(url('/generate-register-options'), { headers: guest.headers })
    expect(asked.status).toBe(403)
  })
})
