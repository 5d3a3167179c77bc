import { randomUUID } from 'node:crypto'
import type { BrowserContext } from '@playwright/test'
import { Api } from './api.ts'

/** Somebody with an account, made by the same calls that the sign-up page makes. */
export interface Person {
  readonly name: string
  readonly email: string
  readonly password: string
  readonly api: Api
  /** Signs a browser profile in, as after the form. */
  enter(context: BrowserContext): Promise<void>
  /** Ends the session on the server; whoever has entered keeps a cookie that opens nothing. */
  signOut(): Promise<void>
}

export const PASSWORD = 'correct horse battery'

/** A new account in a session of its own. */
export async function signUp(url: string, name: string): Promise<Person> {
  const email = newEmail()
  await post(url, '/api/auth/sign-up/email', { name, email, password: PASSWORD })
  const answer = await post(url, '/api/auth/sign-in/email', { email, password: PASSWORD })
  const cookies = answer.headers.getSetCookie().map((line) => {
    const [pair = ''] = line.split(';', 1)
    const at = pair.indexOf('=')
    return { name: pair.slice(0, at), value: pair.slice(at + 1) }
  })
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  return {
    name,
    email,
    password: PASSWORD,
    api: new Api(url, cookie),
    enter: (context) =>
      context.addCookies(cookies.map((cookie) => ({ ...cookie, url, httpOnly: true, sameSite: 'Lax' }))),
    signOut: async () => void (await post(url, '/api/auth/sign-out', {}, cookie)),
  }
}

export function newEmail(): string {
  return `${randomUUID()}@people.example`
}

async function post(url: string, route: string, body: unknown, cookie?: string): Promise<Response> {
  const response = await fetch(`${url}${route}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      origin: url,
      connection: 'close',
      ...(cookie === undefined ? {} : { cookie }),
    },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${route}: HTTP ${response.status} ${await response.text()}`)
  return response
}
