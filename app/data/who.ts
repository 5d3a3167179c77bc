import { cookies } from 'next/headers'
import { redirect } from 'next/navigation'
import { cache } from 'react'
import type { AccountView } from '../../kernel/api/people.ts'
import { forgeErrorOf } from './errors.ts'
import { withNext } from './next-path.ts'
import { serverApi } from './server-api.ts'

/** `visitor` with `ended`: he came with a session that is over. */
type Who =
  | { readonly kind: 'person'; readonly person: AccountView }
  | { readonly kind: 'visitor'; readonly ended: boolean }
  | { readonly kind: 'unknown'; readonly error: unknown }

/** Who asks for this page; asked once a request. */
export const whoAsks = cache(async (): Promise<Who> => {
  const sent = (await cookies()).getAll().some(({ name }) => name.endsWith('.session_token'))
  if (!sent) return { kind: 'visitor', ended: false }
  try {
    const api = await serverApi()
    return { kind: 'person', person: await api.account.me.query() }
  } catch (error) {
    return forgeErrorOf(error).code === 'UNAUTHENTICATED'
      ? { kind: 'visitor', ended: true }
      : { kind: 'unknown', error }
  }
})

/** For pages of somebody's own: a visitor signs in first and then comes back here; a guest makes an account. */
export async function requirePerson(path: string): Promise<AccountView> {
  const who = await whoAsks()
  if (who.kind === 'unknown') throw who.error
  if (who.kind === 'visitor') redirect(withNext('/sign-in', path))
  if (who.person.kind === 'guest') redirect(withNext('/sign-up', path))
  return who.person
}
