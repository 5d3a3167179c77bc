import { randomUUID } from 'node:crypto'
import { PASSKEY_ERROR_CODES, passkey } from '@better-auth/passkey'
import { prismaAdapter } from 'better-auth/adapters/prisma'
import { APIError, createAuthMiddleware, getSessionFromCtx } from 'better-auth/api'
import { betterAuth } from 'better-auth/minimal'
import { anonymous } from 'better-auth/plugins/anonymous'
import { z } from 'zod'
import { PASSWORD_CHARS } from '../../kernel/api/people.ts'
import { withHashedSessionTokens } from './hashed-session-tokens.ts'
import { ACCOUNT_LIMITS } from './limits.ts'
import { existingAccountText, passwordChangedText, resetText, verifyText } from './mail-texts.ts'
import {
  AUTH_PREFIX,
  CLIENT_ADDRESS_HEADER,
  cookiePrefixOf,
  type Person,
  type SignIn,
  type SignInOptions,
} from './sign-in.ts'
import { AUTH_TABLES } from './tables.ts'
import { Turnstile } from './turnstile.ts'

const sessionSchema = z.object({
  session: z.object({ id: z.string() }),
  user: z.object({ id: z.string(), name: z.string(), isAnonymous: z.boolean().nullish() }),
})

const userSchema = z.object({ id: z.string(), name: z.string(), isAnonymous: z.boolean().nullish() })

/** Sign-in by Better Auth. It takes memory and a moment to load: `createSignIn` does so when it is needed. */
export function openSignIn(options: SignInOptions): SignIn {
  const { origin, log, mailer, people } = options
  const isHttps = origin.startsWith('https:')
  const cookiePrefix = cookiePrefixOf(origin)
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
      minPasswordLength: PASSWORD_CHARS.min,
      maxPasswordLength: PASSWORD_CHARS.max,
      revokeSessionsOnPasswordReset: true,
      resetPasswordTokenExpiresIn: ACCOUNT_LIMITS.link_s,
      sendResetPassword: async ({ user, token }) => {
        if (personOf(user).isGuest) return
        mailer.post({ to: user.email, ...resetText(`${origin}/reset-password?token=${token}`) })
      },
      onPasswordReset: async ({ user }) => mailer.post({ to: user.email, ...passwordChangedText(origin) }),
      onExistingUserSignUp: async ({ user }) =>
        mailer.post({ to: user.email, ...existingAccountText(origin) }),
    },
    emailVerification: {
      sendOnSignUp: true,
      expiresIn: ACCOUNT_LIMITS.link_s,
      sendVerificationEmail: async ({ user, url }) => mailer.post({ to: user.email, ...verifyText(url) }),
    },
    plugins: [
      anonymous({
        schema: AUTH_TABLES.anonymous,
        generateName: () => 'Guest',
        onLinkAccount: ({ anonymousUser, newUser }) =>
          people.claimed(personOf(anonymousUser.user), personOf(newUser.user)),
      }),
      passkey({
        rpID: new URL(origin).hostname,
        rpName: 'Forge Pool',
        origin,
        schema: AUTH_TABLES.passkey,
        advanced: { webAuthnChallengeCookie: 'passkey' },
      }),
    ],
    hooks: { before: beforeRequest },
    databaseHooks: {
      user: {
        create: { after: (user) => people.came(personOf(user)) },
        update: { after: (user) => people.renamed(personOf(user)) },
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
    // To the library every mistyped password is worth a warning, every unknown passkey an error.
    logger: { level: 'debug', log: (level, message) => log.debug('sign_in.said', { level, message }) },
    onAPIError: {
      onError(error) {
        if (!(error instanceof APIError) || error.statusCode >= 500) log.error('sign_in.failed', { error })
      },
    },
  })
  const turnstile = new Turnstile(ACCOUNT_LIMITS.at_once, ACCOUNT_LIMITS.waiting)

  return {
    handle: (request) =>
      request.method === 'POST' ? turnstile.pass(() => auth.handler(request)) : auth.handler(request),
    async session(cookies) {
      const found = await auth.api.getSession({
        headers: new Headers({ cookie: cookies }),
        query: { disableRefresh: true },
      })
      if (found === null) return 'ended'
      const { session, user } = sessionSchema.parse(found)
      return { ...personOf(user), sessionId: session.id }
    },
    async passwordFits(userId, password) {
      const { internalAdapter, password: passwords } = await auth.$context
      const credential = await internalAdapter.findCredentialAccount(userId)
      if (typeof credential?.password !== 'string') return false
      return passwords.verify({ hash: credential.password, password })
    },
  }
}

const nameSchema = z
  .string()
  .trim()
  .min(1)
  .max(ACCOUNT_LIMITS.name_chars)
  .regex(/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u)

/** What the library takes and we do not: checked before it looks anything up, so that the answer tells nothing. */
const profileSchema = z.object({
  name: nameSchema.optional(),
  email: z.string().max(ACCOUNT_LIMITS.email_chars).optional(),
  image: z.undefined().optional(),
})

const beforeRequest = createAuthMiddleware(async (ctx) => {
  if (ctx.path === '/sign-up/email' || ctx.path === '/update-user') {
    if (profileSchema.safeParse(ctx.body).success) return
    throw APIError.from('BAD_REQUEST', {
      code: 'INVALID_PROFILE',
      message: `A name has 1 to ${ACCOUNT_LIMITS.name_chars} letters, digits, signs and spaces; an address at most ${ACCOUNT_LIMITS.email_chars} characters.`,
    })
  }
  if (!ctx.path.startsWith('/passkey/')) return
  const session = await getSessionFromCtx(ctx)
  if (session === null) return
  if (ctx.path.endsWith('-register-options') && personOf(session.user).isGuest) {
    throw APIError.from('FORBIDDEN', {
      code: 'GUEST',
      message: 'A guest has no passkeys: create an account.',
    })
  }
  // The library tells somebody who names another's passkey that it is not his. Here it is not there.
  const body = z.object({ id: z.string() }).safeParse(ctx.body)
  if (!body.success) return
  const where = [{ field: 'id', value: body.data.id }]
  const found = await ctx.context.adapter.findOne<{ userId: string }>({ model: 'passkey', where })
  if (found !== null && found.userId !== session.user.id) {
    throw APIError.from('NOT_FOUND', PASSKEY_ERROR_CODES.PASSKEY_NOT_FOUND)
  }
})

function personOf(stored: object): Person {
  const { id, name, isAnonymous } = userSchema.parse(stored)
  return { userId: id, name, isGuest: isAnonymous === true }
}
