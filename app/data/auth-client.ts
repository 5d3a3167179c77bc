'use client'

import { passkeyClient } from '@better-auth/passkey/client'
import { anonymousClient } from 'better-auth/client/plugins'
import { createAuthClient } from 'better-auth/react'
import { authErrorOf } from './auth-errors.ts'

/** Sign-in on this site's own origin, below `/api/auth`. */
export const authClient = createAuthClient({ plugins: [passkeyClient(), anonymousClient()] })

/**
 * What the call answers; its refusal becomes a thrown error of the project's kind.
 * @throws ForgeErrorJson
 */
export async function answered<T>(
  call: Promise<
    { readonly data: T; readonly error: null } | { readonly data: null; readonly error: unknown }
  >,
): Promise<T> {
  let answer: Awaited<typeof call>
  try {
    answer = await call
  } catch (cause) {
    throw authErrorOf(cause)
  }
  if (answer.error !== null) throw authErrorOf(answer.error)
  return answer.data as T
}
