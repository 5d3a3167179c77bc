'use client'

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useId, useState } from 'react'
import { toast } from 'sonner'
import type { TokenView } from '../../../kernel/api/people.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { formatDate } from '../../data/format.ts'
import { useTRPC } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { SecretOnce } from '../secret-once.tsx'
import { Badge } from '../ui/badge.tsx'
import { Button } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { describedBy, Field, Input } from '../ui/field.tsx'
import { Panel } from '../ui/panel.tsx'

const NAME_CHARS_MAX = 60

interface TokensPanelProps {
  readonly kind: 'keys' | 'nodeTokens'
  readonly id: string
  readonly title: string
  /** `API key`, `node token`. */
  readonly what: string
  readonly lead: string
  readonly nameHelp: string
  readonly usage: (token: string) => string
  /** What stops when one is revoked. */
  readonly afterRevoking: string
}

/** Named secrets of an account: made, seen once, seen in use, revoked. */
export function TokensPanel(props: TokensPanelProps) {
  const { kind, what } = props
  const api = useTRPC()[kind]
  const list = useQuery(api.list.queryOptions())
  const items = list.data?.items ?? []
  const live = items.filter(({ revoked_at }) => revoked_at === null)
  const revoked = items.filter(({ revoked_at }) => revoked_at !== null)
  return (
    <Panel id={props.id} title={props.title} bodyClassName="p-0">
      <div className="space-y-4 p-4">
        <p className="text-sm text-muted">{props.lead}</p>
        <NewToken {...props} />
      </div>
      <div className="border-t border-line">
        {list.isError ? (
          <div className="p-4">
            <Failure title={`The ${what}s could not be loaded`} error={forgeErrorOf(list.error)} />
          </div>
        ) : list.data === undefined ? (
          <p role="status" className="working p-4 text-sm text-muted">
            Loading
          </p>
        ) : live.length === 0 ? (
          <p className="p-4 text-sm text-muted">No {what} is in use.</p>
        ) : (
          <ul aria-label={`${props.title} in use`} className="divide-y divide-line">
            {live.map((token) => (
              <TokenRow key={token.id} token={token} {...props} />
            ))}
          </ul>
        )}
        {revoked.length === 0 ? null : (
          <details className="border-t border-line">
            <summary className="px-4 py-3 text-sm text-muted">Revoked: {revoked.length}</summary>
            <ul aria-label={`${props.title}, revoked`} className="divide-y divide-line border-t border-line">
              {revoked.map((token) => (
                <li key={token.id} className="px-4 py-3">
                  <TokenFacts token={token} />
                </li>
              ))}
            </ul>
          </details>
        )}
      </div>
    </Panel>
  )
}

function NewToken({ kind, what, nameHelp, usage }: TokensPanelProps) {
  const id = useId()
  const queries = useQueryClient()
  const api = useTRPC()[kind]
  const [name, setName] = useState('')
  const [attempted, setAttempted] = useState(false)
  const create = useMutation(
    api.create.mutationOptions({
      onSuccess: () => {
        setName('')
        setAttempted(false)
        void queries.invalidateQueries({ queryKey: api.list.queryKey() })
      },
    }),
  )
  const error = attempted && name.trim() === '' ? `Give the ${what} a name.` : undefined
  return (
    <>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          setAttempted(true)
          if (name.trim() !== '') create.mutate({ name: name.trim() })
        }}
      >
        <Field id={id} label={`Name of a new ${what}`} help={nameHelp} error={error}>
          <div className="flex flex-wrap gap-2">
            <Input
              id={id}
              className="w-auto flex-1 basis-40"
              maxLength={NAME_CHARS_MAX}
              autoComplete="off"
              aria-invalid={error === undefined ? undefined : true}
              aria-describedby={describedBy(id, nameHelp, error)}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
            <Button type="submit" disabled={create.isPending}>
              Create {what}
            </Button>
          </div>
        </Field>
      </form>
      {create.isError ? (
        <Failure title={`No ${what} was created`} error={forgeErrorOf(create.error)} />
      ) : null}
      {create.data === undefined ? null : (
        <SecretOnce
          title={`The ${what} “${create.data.view.name}”`}
          secret={create.data.token}
          what={what}
          usage={usage(create.data.token)}
          onDone={() => create.reset()}
        />
      )}
    </>
  )
}

function TokenRow({ token, kind, what, afterRevoking }: TokensPanelProps & { readonly token: TokenView }) {
  const queries = useQueryClient()
  const api = useTRPC()[kind]
  const [asking, setAsking] = useState(false)
  const revoke = useMutation(
    api.revoke.mutationOptions({
      onSuccess: () => {
        toast.success(`“${token.name}” is revoked.`)
        void queries.invalidateQueries({ queryKey: api.list.queryKey() })
      },
      onError: (error) => {
        const { message, hint } = forgeErrorOf(error)
        toast.error(`Not revoked: ${message}`, hint === undefined ? {} : { description: hint })
      },
      onSettled: () => setAsking(false),
    }),
  )
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 py-3">
      <TokenFacts token={token} />
      <Button size="small" tone="danger" aria-label={`Revoke ${token.name}`} onClick={() => setAsking(true)}>
        Revoke
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Revoke “${token.name}”?`}
        confirm={revoke.isPending ? 'Revoking…' : `Revoke the ${what}`}
        dismiss="Keep it"
        busy={revoke.isPending}
        onConfirm={() => revoke.mutate({ id: token.id })}
      >
        {afterRevoking} It cannot be undone.
      </Confirm>
    </li>
  )
}

function TokenFacts({ token }: { readonly token: TokenView }) {
  return (
    <div className="min-w-0">
      <p className="flex flex-wrap items-center gap-x-2 text-sm font-medium">
        <span className="break-words">{token.name}</span>
        {token.revoked_at === null ? null : <Badge tone="bad">revoked</Badge>}
      </p>
      <p className="text-xs text-muted">
        <code className="num">{token.prefix}…</code> · created {formatDate(token.created_at)} ·{' '}
        {token.last_used_at === null ? 'never used' : `last used ${formatDate(token.last_used_at)}`}
      </p>
    </div>
  )
}
