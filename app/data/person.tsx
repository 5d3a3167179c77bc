'use client'

import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { createContext, type ReactNode, useContext } from 'react'
import type { AccountView } from '../../kernel/api/people.ts'
import { answered, authClient } from './auth-client.ts'

const PersonContext = createContext<AccountView | null>(null)

/** Who looks at the page, as the server saw it when it rendered the frame. */
export function PersonProvider({
  person,
  children,
}: {
  readonly person: AccountView | null
  readonly children: ReactNode
}) {
  return <PersonContext value={person}>{children}</PersonContext>
}

/** Whoever has signed in, a guest included; null for a visitor. */
export function usePerson(): AccountView | null {
  return useContext(PersonContext)
}

/**
 * Goes on as somebody else: what was fetched as another person is forgotten, and the frame is rendered anew. The tab's
 * agent goes on, which a reload would end.
 */
export function useBecome(): (next: string) => void {
  const router = useRouter()
  const queries = useQueryClient()
  return (next) => {
    queries.clear()
    router.push(next)
    router.refresh()
  }
}

/** @throws ForgeError when the server could not end the session */
export function useSignOut(): () => Promise<void> {
  const become = useBecome()
  return async () => {
    await answered(authClient.signOut())
    become('/')
  }
}
