'use client'

import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { answered, authClient } from '../../data/auth-client.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { Failure } from '../failure.tsx'
import { newPasswordError, PasswordField } from '../people/password-field.tsx'
import { Button } from '../ui/button.tsx'
import { Callout } from '../ui/callout.tsx'
import { Panel } from '../ui/panel.tsx'

export function PasswordPanel() {
  const [present, setPresent] = useState('')
  const [next, setNext] = useState('')
  const [attempted, setAttempted] = useState(false)
  const change = useMutation({
    mutationFn: () =>
      answered(
        authClient.changePassword({ currentPassword: present, newPassword: next, revokeOtherSessions: true }),
      ),
    onSuccess: () => {
      setPresent('')
      setNext('')
      setAttempted(false)
    },
  })
  const errors = {
    present: present === '' ? 'Type your present password.' : undefined,
    next: newPasswordError(next),
  }
  return (
    <Panel id="password" title="Password">
      <form
        noValidate
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          setAttempted(true)
          if (errors.present === undefined && errors.next === undefined) change.mutate()
        }}
      >
        <PasswordField
          label="Present password"
          kind="current-password"
          value={present}
          error={attempted ? errors.present : undefined}
          onChange={setPresent}
        />
        <PasswordField
          label="New password"
          kind="new-password"
          value={next}
          error={attempted ? errors.next : undefined}
          onChange={setNext}
        />
        {change.isError ? (
          <Failure title="The password was not changed" error={forgeErrorOf(change.error)} />
        ) : null}
        {change.isSuccess ? (
          <Callout tone="ok" role="status" title="The password is changed">
            All other sessions have ended.
          </Callout>
        ) : null}
        <Button type="submit" disabled={change.isPending}>
          {change.isPending ? 'Changing…' : 'Change password'}
        </Button>
      </form>
    </Panel>
  )
}
