import type { Log } from '../core/log.ts'
import type { Database } from '../memory/database.ts'
import type { Mailer } from './mail.ts'

/** Where sign-in is mounted. */
export const AUTH_PREFIX = '/api/auth/'

/** The client's address as the door has found it out; whatever a client sends under this name is overwritten. */
export const CLIENT_ADDRESS_HEADER = 'x-forge-client-address'

export interface Person {
  readonly userId: string
  readonly isGuest: boolean
  readonly name: string
}

/** Who has signed in, and by which session. */
export interface SignedIn extends Person {
  readonly sessionId: string
}

/** What the rest of the server does when people come and change. */
export interface PeopleListener {
  /** After the user is stored. It may be lost in a crash: whoever needs an owner asks for him again. */
  came(person: Person): Promise<void>
  renamed(person: Person): Promise<void>
  /** A guest has signed up or in: what is his becomes the account's. Repeating it is harmless. */
  claimed(guest: Person, account: Person): Promise<void>
}

export interface SignInOptions {
  readonly database: Pick<Database, 'prisma'>
  /** Public origin of the site: `https://pool.example`. */
  readonly origin: string
  /** Signs cookies and mail links. */
  readonly secret: string
  readonly people: PeopleListener
  readonly mailer: Mailer
  readonly log: Log
}

/** Sign-in by Better Auth over our own tables. Only the custom server holds one. */
export interface SignIn {
  /** Answers a request below AUTH_PREFIX. */
  handle(request: Request): Promise<Response>
  /** Who sends these cookies; undefined when nobody has signed in, `ended` when the session is over. */
  session(cookies: string): Promise<SignedIn | 'ended' | undefined>
  /** Whether somebody who has signed in knows his password as well. */
  passwordFits(userId: string, password: string): Promise<boolean>
}

/** Before the names of all cookies. */
export function cookiePrefixOf(origin: string): string {
  return origin.startsWith('https:') ? '__Host-forge' : 'forge'
}
