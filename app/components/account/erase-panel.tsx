'use client'

import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { forgeErrorOf } from '../../data/errors.ts'
import { useBecome } from '../../data/person.tsx'
import { useTRPC } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { PasswordField } from '../people/password-field.tsx'
import { Button } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { Panel } from '../ui/panel.tsx'

/** The end of an account: after its password and a question. */
export function ErasePanel() {
  const trpc = useTRPC()
  const become = useBecome()
  const [password, setPassword] = useState('')
  const [attempted, setAttempted] = useState(false)
  const [asking, setAsking] = useState(false)
  const erase = useMutation(
    trpc.account.erase.mutationOptions({
      onSuccess: () => become('/'),
      onSettled: () => setAsking(false),
    }),
  )
  return (
    <Panel id="erase" title="Erase this account">
      <p className="text-sm text-muted">
        Name, e-mail address, password, passkeys, sessions, keys and tokens are deleted; running jobs are
        cancelled and your devices are disconnected. What others rely on stays without your name: results,
        receipts and the ledger. It cannot be undone, and the remaining credits are lost.
      </p>
      <form
        noValidate
        className="mt-4 space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          setAttempted(true)
          if (password !== '') setAsking(true)
        }}
      >
        <PasswordField
          label="Password of this account"
          kind="current-password"
          value={password}
          error={attempted && password === '' ? 'Type your password.' : undefined}
          onChange={setPassword}
        />
        {erase.isError ? (
          <Failure title="The account was not erased" error={forgeErrorOf(erase.error)} />
        ) : null}
        <Button type="submit" tone="danger" disabled={erase.isPending || erase.isSuccess}>
          Erase account
        </Button>
      </form>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title="Erase this account for good?"
        confirm={erase.isPending ? 'Erasing…' : 'Erase the account'}
        dismiss="Keep the account"
        busy={erase.isPending}
        onConfirm={() => erase.mutate({ password })}
      >
        Nobody can bring it back, we neither.
      </Confirm>
    </Panel>
  )
}
