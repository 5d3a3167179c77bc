'use client'

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { toast } from 'sonner'
import type { SessionView } from '../../../kernel/api/people.ts'
import { browserName } from '../../data/browser-name.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { formatDate } from '../../data/format.ts'
import { useBecome } from '../../data/person.tsx'
import { useTRPC } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { Badge } from '../ui/badge.tsx'
import { Button } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { Panel } from '../ui/panel.tsx'

/** Where the account is signed in, and how to end that. */
export function SessionsPanel() {
  const trpc = useTRPC()
  const sessions = useQuery(trpc.account.sessions.queryOptions())
  return (
    <Panel id="sessions" title="Sessions" bodyClassName="p-0">
      {sessions.isError ? (
        <div className="p-4">
          <Failure title="The sessions could not be loaded" error={forgeErrorOf(sessions.error)} />
        </div>
      ) : sessions.data === undefined ? (
        <p role="status" className="working p-4 text-sm text-muted">
          Loading
        </p>
      ) : (
        <ul aria-label="Sessions of this account" className="divide-y divide-line">
          {sessions.data.items.map((session) => (
            <SessionRow key={session.id} session={session} />
          ))}
        </ul>
      )}
      <div className="border-t border-line p-4">
        <SignOutEverywhere />
      </div>
    </Panel>
  )
}

function SessionRow({ session }: { readonly session: SessionView }) {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const name = browserName(session.browser)
  const end = useMutation(
    trpc.account.endSession.mutationOptions({
      onSuccess: () => void queries.invalidateQueries({ queryKey: trpc.account.sessions.queryKey() }),
      onError: (error) => toast.error(`Not ended: ${forgeErrorOf(error).message}`),
    }),
  )
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 py-3">
      <div className="min-w-0">
        <p className="flex flex-wrap items-center gap-x-2 text-sm font-medium">
          {name}
          {session.current ? <Badge tone="info">This one</Badge> : null}
        </p>
        <p className="text-xs text-muted">
          since {formatDate(session.created_at)}
          {session.address === null ? null : (
            <>
              , from <span className="num break-all">{session.address}</span>
            </>
          )}
        </p>
      </div>
      {session.current ? null : (
        <Button
          size="small"
          disabled={end.isPending}
          aria-label={`End the session of ${name}`}
          onClick={() => end.mutate({ id: session.id })}
        >
          End
        </Button>
      )}
    </li>
  )
}

function SignOutEverywhere() {
  const trpc = useTRPC()
  const become = useBecome()
  const [asking, setAsking] = useState(false)
  const signOut = useMutation(
    trpc.account.signOutEverywhere.mutationOptions({
      onSuccess: () => become('/sign-in'),
      onError: (error) => {
        setAsking(false)
        toast.error(`You are still signed in: ${forgeErrorOf(error).message}`)
      },
    }),
  )
  return (
    <>
      <Button tone="danger" onClick={() => setAsking(true)}>
        Sign out everywhere
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title="Sign out everywhere?"
        confirm={signOut.isPending ? 'Signing out…' : 'Sign out everywhere'}
        dismiss="Stay signed in"
        busy={signOut.isPending || signOut.isSuccess}
        onConfirm={() => signOut.mutate()}
      >
        All sessions end, this one too. API keys and node tokens go on; revoke them on their own page.
      </Confirm>
    </>
  )
}
