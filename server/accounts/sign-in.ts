import { randomUUID } from 'node:crypto'
import { passkey } from '@better-auth/passkey'
import { betterAuth } from 'better-auth'
import { prismaAdapter } from 'better-auth/adapters/prisma'
import { anonymous } from 'better-auth/plugins'
import { z } from 'zod'
import type { Log } from '../core/log.ts'
import type { Database } from '../memory/database.ts'
import { withHashedSessionTokens } from './hashed-session-tokens.ts'
import { ACCOUNT_LIMITS } from './limits.ts'
import { AUTH_TABLES } from './tables.ts'

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
}

export interface SignInOptions {
  readonly database: Pick<Database, 'prisma'>
  /** Public origin of the site: `https://pool.example`. */
  readonly origin: string
  /** Signs cookies and mail links. */
  readonly secret: string
  readonly people: PeopleListener
  readonly log: Log
}

/** Sign-in by Better Auth over our own tables. Only the custom server holds one. */
export interface SignIn {
  /** Answers a request below AUTH_PREFIX. */
  handle(request: Request): Promise<Response>
  /** Who sends these cookies; undefined when nobody has signed in, `ended` when the session is over. */
  session(cookies: string): Promise<SignedIn | 'ended' | undefined>
}

const sessionSchema = z.object({
  session: z.object({ id: z.string() }),
  user: z.object({ id: z.string(), name: z.string(), isAnonymous: z.boolean().nullish() }),
})

const userSchema = z.object({ id: z.string(), name: z.string(), isAnonymous: z.boolean().nullish() })

export function createSignIn(options: SignInOptions): SignIn {
  const { origin, log } = options
  const isHttps = origin.startsWith('https:')
  const cookiePrefix = isHttps ? '__Host-forge' : 'forge'
  const auth = betterAuth({
    appName: 'Forge Pool',
    baseURL: origin,
    basePath: AUTH_PREFIX.slice(0, -1),
    secret: options.secret,
    database: withHashedSessionTokens(
      prismaAdapter(options.database.prisma, { provider: 'postgresql', transaction: true }),
    ),
    ...AUTH_TABLES.core,
    session: {
      ...AUTH_TABLES.core.session,
      expiresIn: ACCOUNT_LIMITS.session_s,
      updateAge: ACCOUNT_LIMITS.session_refresh_s,
      freshAge: ACCOUNT_LIMITS.session_fresh_s,
    },
    emailAndPassword: {
      enabled: true,
      // The answer to a sign-up must not say whether the address has an account. A session would.
      autoSignIn: false,
      minPasswordLength: ACCOUNT_LIMITS.password_chars_min,
      maxPasswordLength: ACCOUNT_LIMITS.password_chars_max,
      revokeSessionsOnPasswordReset: true,
    },
    plugins: [
      anonymous({ schema: AUTH_TABLES.anonymous, generateName: () => 'Guest' }),
      passkey({
        rpID: new URL(origin).hostname,
        rpName: 'Forge Pool',
        origin,
        schema: AUTH_TABLES.passkey,
        advanced: { webAuthnChallengeCookie: 'passkey' },
      }),
    ],
    databaseHooks: {
      user: {
        create: { after: (user) => options.people.came(personOf(user)) },
        update: { after: (user) => options.people.renamed(personOf(user)) },
      },
    },
    advanced: {
      cookiePrefix,
      // `__Host-` stands in the prefix already; the library's own is the weaker `__Secure-`.
      useSecureCookies: false,
      defaultCookieAttributes: { httpOnly: true, path: '/', sameSite: 'lax', secure: isHttps },
      // The door refuses other sites' requests before they come here, by a stricter rule (server/http/security.ts).
      disableCSRFCheck: true,
      disableOriginCheck: false,
      database: { generateId: () => randomUUID() },
      ipAddress: { ipAddressHeaders: [CLIENT_ADDRESS_HEADER] },
    },
    // Limits are the door's as well.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: {
      level: 'warn',
      // Every mistyped password is a warning to the library.
      log: (level, message) => log[level === 'error' ? 'warn' : 'debug']('sign_in.said', { message }),
    },
  })
  const sessionCookie = `${cookiePrefix}.session_token=`

  return {
    handle: (request) => auth.handler(request),
    async session(cookies) {
      if (!cookies.includes(sessionCookie)) return undefined
      const found = await auth.api.getSession({
        headers: new Headers({ cookie: cookies }),
        query: { disableRefresh: true },
      })
      if (found === null) return 'ended'
      const { session, user } = sessionSchema.parse(found)
      return { ...personOf(user), sessionId: session.id }
    },
  }
}

function personOf(stored: object): Person {
  const { id, name, isAnonymous } = userSchema.parse(stored)
  return { userId: id, name, isGuest: isAnonymous === true }
}
