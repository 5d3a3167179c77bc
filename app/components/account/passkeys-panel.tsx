'use client'

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { KeyRound } from 'lucide-react'
import { useId, useState } from 'react'
import { toast } from 'sonner'
import { z } from 'zod'
import { answered, authClient } from '../../data/auth-client.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { formatDate } from '../../data/format.ts'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { Field, Input } from '../ui/field.tsx'
import { Panel } from '../ui/panel.tsx'

const NAME_CHARS_MAX = 60
const LIST_KEY = ['passkeys'] as const

const passkeys = z.array(
  z.object({
    id: z.string(),
    name: z.string().nullish(),
    createdAt: z.coerce.date().nullish(),
    backedUp: z.boolean(),
  }),
)
type Passkey = z.infer<typeof passkeys>[number]

/** Passkeys of the account: added with the device at hand, removed after a question. */
export function PasskeysPanel() {
  const id = useId()
  const queries = useQueryClient()
  const [name, setName] = useState('')
  const list = useQuery({
    queryKey: LIST_KEY,
    queryFn: async () =>
      passkeys.parse(await answered(authClient.$fetch('/passkey/list-user-passkeys', { method: 'GET' }))),
  })
  const changed = () => queries.invalidateQueries({ queryKey: LIST_KEY })
  const add = useMutation({
    mutationFn: () =>
      answered(authClient.passkey.addPasskey(name.trim() === '' ? {} : { name: name.trim() })),
    onSuccess: () => {
      setName('')
      toast.success('The passkey is added.')
      void changed()
    },
  })
  return (
    <Panel id="passkeys" title="Passkeys" bodyClassName="p-0">
      <div className="space-y-4 p-4">
        <p className="text-sm text-muted">
          A passkey signs you in with this device’s own lock, without a password that could be guessed or
          given away.
        </p>
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault()
            add.mutate()
          }}
        >
          <Field id={id} label="Name of a new passkey" help="For example this device. Optional.">
            <div className="flex flex-wrap gap-2">
              <Input
                id={id}
                className="w-auto flex-1 basis-40"
                maxLength={NAME_CHARS_MAX}
                autoComplete="off"
                aria-describedby={`${id}-help`}
                value={name}
                onChange={(event) => setName(event.target.value)}
              />
              <Button type="submit" disabled={add.isPending}>
                <KeyRound aria-hidden />
                {add.isPending ? 'Waiting for the device…' : 'Add a passkey'}
              </Button>
            </div>
          </Field>
        </form>
        {add.isError ? <Failure title="No passkey was added" error={forgeErrorOf(add.error)} /> : null}
      </div>
      <div className="border-t border-line">
        {list.isError ? (
          <div className="p-4">
            <Failure title="The passkeys could not be loaded" error={forgeErrorOf(list.error)} />
          </div>
        ) : list.data === undefined ? (
          <p role="status" className="working p-4 text-sm text-muted">
            Loading
          </p>
        ) : list.data.length === 0 ? (
          <p className="p-4 text-sm text-muted">This account has no passkey.</p>
        ) : (
          <ul aria-label="Passkeys of this account" className="divide-y divide-line">
            {list.data.map((passkey) => (
              <PasskeyRow key={passkey.id} passkey={passkey} onRemoved={() => void changed()} />
            ))}
          </ul>
        )}
      </div>
    </Panel>
  )
}

function PasskeyRow({ passkey, onRemoved }: { readonly passkey: Passkey; readonly onRemoved: () => void }) {
  const [asking, setAsking] = useState(false)
  const name = passkey.name ?? 'Passkey without a name'
  const remove = useMutation({
    mutationFn: () => answered(authClient.passkey.deletePasskey({ id: passkey.id })),
    onSuccess: () => {
      toast.success('The passkey is removed.')
      onRemoved()
    },
    onError: (error) => {
      const { message, hint } = forgeErrorOf(error)
      toast.error(`Not removed: ${message}`, hint === undefined ? {} : { description: hint })
    },
    onSettled: () => setAsking(false),
  })
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 py-3">
      <div className="min-w-0">
        <p className="text-sm font-medium break-words">{name}</p>
        <p className="text-xs text-muted">
          {passkey.createdAt === null || passkey.createdAt === undefined
            ? ''
            : `added ${formatDate(passkey.createdAt.toISOString())} · `}
          {passkey.backedUp ? 'kept by a password manager' : 'on one device only'}
        </p>
      </div>
      <Button size="small" tone="danger" aria-label={`Remove ${name}`} onClick={() => setAsking(true)}>
        Remove
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Remove “${name}”?`}
        confirm={remove.isPending ? 'Removing…' : 'Remove the passkey'}
        dismiss="Keep it"
        busy={remove.isPending}
        onConfirm={() => remove.mutate()}
      >
        It does not sign you in any more. Remove it from the device’s own settings as well.
      </Confirm>
    </li>
  )
}
