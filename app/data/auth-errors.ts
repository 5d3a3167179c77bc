import { z } from 'zod'
import { ForgeError, type ForgeErrorInit } from '../../kernel/errors.ts'
import { forgeErrorOf } from './errors.ts'

/** What Better Auth's client gives for a refusal; the door's own refusals stand in `error`, as in every REST answer. */
const refusal = z.object({
  code: z.string().optional(),
  message: z.string().optional(),
  status: z.number().optional(),
  error: z.unknown().optional(),
})

type Words = readonly [
  code: ConstructorParameters<typeof ForgeError>[0],
  message: string,
  init?: ForgeErrorInit,
]

const RECENT: Words = [
  'UNAUTHENTICATED',
  'this needs a sign-in that is not long ago',
  { hint: 'Sign out, sign in again, and repeat it.' },
]
const NO_PASSKEY: Words = [
  'CANCELLED',
  'no passkey was used',
  { hint: 'Try again, or use e-mail and password.' },
]

/** By Better Auth's code. What stands here says no more than the code does about who has an account. */
const WORDS: Readonly<Record<string, Words>> = {
  INVALID_EMAIL_OR_PASSWORD: [
    'UNAUTHENTICATED',
    'the e-mail address or the password is wrong',
    { hint: 'Check both, or reset the password.', path: 'password' },
  ],
  INVALID_PASSWORD: [
    'UNAUTHENTICATED',
    'the password is wrong',
    { hint: 'Type your present password.', path: 'password' },
  ],
  INVALID_EMAIL: ['MESSAGE_INVALID', 'this is not an e-mail address', { path: 'email' }],
  PASSWORD_TOO_SHORT: ['MESSAGE_INVALID', 'the password is too short', { path: 'password' }],
  PASSWORD_TOO_LONG: ['MESSAGE_INVALID', 'the password is too long', { path: 'password' }],
  INVALID_TOKEN: [
    'UNAUTHENTICATED',
    'this link is not valid any more',
    { hint: 'A link works once and for an hour. Ask for another.' },
  ],
  SESSION_EXPIRED: RECENT,
  SESSION_NOT_FRESH: RECENT,
  AUTH_CANCELLED: NO_PASSKEY,
  REGISTRATION_CANCELLED: NO_PASSKEY,
  ERROR_CEREMONY_ABORTED: NO_PASSKEY,
  PASSKEY_NOT_FOUND: [
    'UNAUTHENTICATED',
    'this passkey opens no account here',
    { hint: 'It may have been removed from its account. Use e-mail and password.' },
  ],
  ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED: [
    'CONFLICT',
    'this device has a passkey for the account already',
  ],
}

/** A refusal of sign-in as the project's error: a sentence, what to do, and which field it is about. */
export function authErrorOf(thrown: unknown): ForgeError {
  if (thrown instanceof ForgeError) return thrown
  const parsed = refusal.safeParse(thrown)
  if (parsed.success) {
    const { code, message, status, error } = parsed.data
    const words = code === undefined ? undefined : WORDS[code]
    if (words !== undefined) return new ForgeError(...words)
    if (error !== undefined) return fromJson(forgeErrorOf({ error }))
    if (status === 401) {
      return new ForgeError('UNAUTHENTICATED', 'nobody is signed in here', { hint: 'Sign in again.' })
    }
    if (status !== undefined && status >= 400 && status < 500 && message !== undefined) {
      return new ForgeError('MESSAGE_INVALID', lowerFirst(message))
    }
    if (status === 0 || (status !== undefined && status >= 500)) {
      return new ForgeError('UNAVAILABLE', 'the server does not answer', { hint: 'Try again in a moment.' })
    }
  }
  return fromJson(forgeErrorOf(thrown))
}

function fromJson({ code, message, hint, path }: ReturnType<typeof forgeErrorOf>): ForgeError {
  return new ForgeError(code, message, { hint, path })
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
