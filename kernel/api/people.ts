import { z } from 'zod'

/** The public API's answers about people: accounts, their keys and tokens. See ../api.ts. */

/** Characters of a password. */
export const PASSWORD_CHARS = { min: 10, max: 128 } as const

export const tokenView = z.object({
  id: z.string(),
  name: z.string(),
  /** The first nine characters; the rest was shown once, when it was made. */
  prefix: z.string(),
  created_at: z.string(),
  /** To the minute; null when it has never been used. */
  last_used_at: z.string().nullable(),
  revoked_at: z.string().nullable(),
})
export type TokenView = z.infer<typeof tokenView>

/** A new secret, shown this once. */
export const newTokenView = z.object({ token: z.string(), view: tokenView })

export const sessionView = z.object({
  id: z.string(),
  /** Whether it is the one that asks. */
  current: z.boolean(),
  created_at: z.string(),
  /** To the day. */
  last_seen: z.string(),
  address: z.string().nullable(),
  /** As the browser names itself. */
  browser: z.string().nullable(),
})
export type SessionView = z.infer<typeof sessionView>

export const accountView = z.object({
  kind: z.enum(['user', 'guest']),
  /** What others see. */
  name: z.string(),
  /** Null for a guest. */
  email: z.string().nullable(),
  email_verified: z.boolean(),
  created_at: z.string(),
})
export type AccountView = z.infer<typeof accountView>
