'use client'

import { useMutation } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useId, useState } from 'react'
import { toast } from 'sonner'
import type { AccountView } from '../../../kernel/api/people.ts'
import { answered, authClient } from '../../data/auth-client.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { formatDate } from '../../data/format.ts'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { describedBy, Field, Input } from '../ui/field.tsx'
import { Panel } from '../ui/panel.tsx'

const NAME_CHARS_MAX = 60

export function ProfilePanel({ person }: { readonly person: AccountView }) {
  const id = useId()
  const router = useRouter()
  const [name, setName] = useState(person.name)
  const rename = useMutation({
    mutationFn: (next: string) => answered(authClient.updateUser({ name: next })),
    onSuccess: () => {
      toast.success('The name is changed.')
      router.refresh()
    },
  })
  const trimmed = name.trim()
  const error = trimmed === '' ? 'A name has at least one character.' : undefined
  const help = 'Only you see it, here and on your devices.'
  return (
    <Panel id="profile" title="Profile" bodyClassName="space-y-5">
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          if (error === undefined && trimmed !== person.name) rename.mutate(trimmed)
        }}
      >
        <Field id={id} label="Name" help={help} error={error}>
          <div className="flex flex-wrap gap-2">
            <Input
              id={id}
              className="w-auto flex-1 basis-40"
              autoComplete="nickname"
              maxLength={NAME_CHARS_MAX}
              aria-invalid={error === undefined ? undefined : true}
              aria-describedby={describedBy(id, help, error)}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
            <Button
              type="submit"
              disabled={rename.isPending || error !== undefined || trimmed === person.name}
            >
              Change name
            </Button>
          </div>
        </Field>
        {rename.isError ? (
          <Failure className="mt-3" title="The name was not changed" error={forgeErrorOf(rename.error)} />
        ) : null}
      </form>
      <dl className="space-y-3 text-sm">
        <div>
          <dt className="text-xs text-muted">E-mail address</dt>
          <dd className="mt-0.5 break-all">{person.email}</dd>
          <dd className="text-xs text-muted">
            {person.email_verified ? 'confirmed' : 'not confirmed'}; nobody else sees it
          </dd>
          {person.email_verified || person.email === null ? null : (
            <dd className="mt-2">
              <ConfirmAddress email={person.email} />
            </dd>
          )}
        </div>
        <div>
          <dt className="text-xs text-muted">Account since</dt>
          <dd className="mt-0.5">
            <time dateTime={person.created_at}>{formatDate(person.created_at)}</time>
          </dd>
        </div>
      </dl>
    </Panel>
  )
}

/** Asks for the mail with the confirming link once more. */
function ConfirmAddress({ email }: { readonly email: string }) {
  const send = useMutation({
    mutationFn: () => answered(authClient.sendVerificationEmail({ email, callbackURL: '/account' })),
    onError: (error) => toast.error(`No mail was sent: ${forgeErrorOf(error).message}`),
  })
  return send.isSuccess ? (
    <p role="status" className="text-xs">
      A mail with a link is on its way.
    </p>
  ) : (
    <Button size="small" disabled={send.isPending} onClick={() => send.mutate()}>
      Send the confirming mail again
    </Button>
  )
}
