import { randomUUID } from 'node:crypto'

/** Somebody who has signed up over HTTP, as the pages do it. */
export interface SignedUp {
  readonly name: string
  readonly email: string
  readonly password: string
  /** What his browser sends from now on. */
  readonly headers: { readonly cookie: string }
  /** Calls a procedure by POST, as he. @throws Error with the answer when it is not a success */
  call(procedure: string, input: unknown): Promise<unknown>
}

export const PASSWORD = 'correct horse battery'

/** A new account, signed in. */
export async function signUp(pool: { readonly url: string }, name = 'Ada'): Promise<SignedUp> {
  const email = `${randomUUID()}@people.example`
  await succeed(await postJson(`${pool.url}/api/auth/sign-up/email`, { name, email, password: PASSWORD }))
  return signIn(pool, { name, email, password: PASSWORD })
}

/** Another session of the same account. @param headers of the guest who signs in, for instance */
export async function signIn(
  pool: { readonly url: string },
  account: { readonly name: string; readonly email: string; readonly password: string },
  headers: Readonly<Record<string, string>> = {},
): Promise<SignedUp> {
  const { name, email, password } = account
  const answer = await succeed(
    await postJson(`${pool.url}/api/auth/sign-in/email`, { email, password }, headers),
  )
  return { name, email, password, ...withCookies(pool, answer) }
}

/** A visitor's anonymous session. */
export async function beGuest(pool: { readonly url: string }): Promise<Pick<SignedUp, 'headers' | 'call'>> {
  return withCookies(pool, await succeed(await postJson(`${pool.url}/api/auth/sign-in/anonymous`, {})))
}

function withCookies(pool: { readonly url: string }, answer: Response): Pick<SignedUp, 'headers' | 'call'> {
  const headers = { cookie: cookiesOf(answer) }
  return {
    headers,
    async call(procedure, input) {
      const called = await succeed(await postJson(`${pool.url}/api/trpc/${procedure}`, input, headers))
      return ((await called.json()) as { result: { data: unknown } }).result.data
    },
  }
}

/** The cookies that an answer sets, as a browser sends them back. */
export function cookiesOf(answer: Response): string {
  return answer.headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0])
    .join('; ')
}

export function postJson(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

async function succeed(answer: Response): Promise<Response> {
  if (!answer.ok) throw new Error(`${answer.url}: ${answer.status} ${await answer.text()}`)
  return answer
}
