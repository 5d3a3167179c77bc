'use client'

import { useMutation } from '@tanstack/react-query'
import { KeyRound } from 'lucide-react'
import { useState } from 'react'
import { answered, authClient } from '../../data/auth-client.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { useBecome } from '../../data/person.tsx'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { EmailField, emailError } from './email-field.tsx'
import { PasswordField } from './password-field.tsx'

/** Sign-in by e-mail and password, or by a passkey. @param next page to go on to */
export function SignInForm({ next }: { readonly next: string }) {
  const become = useBecome()
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [attempted, setAttempted] = useState(false)
  const signIn = useMutation({
    mutationFn: () => answered(authClient.signIn.email({ email: email.trim(), password })),
    onSuccess: () => become(next),
  })
  const byPasskey = useMutation({
    mutationFn: () => answered(authClient.signIn.passkey()),
    onSuccess: () => become(next),
  })
  const errors = {
    email: emailError(email),
    password: password === '' ? 'Type the password.' : undefined,
  }
  const busy = signIn.isPending || signIn.isSuccess || byPasskey.isPending || byPasskey.isSuccess
  const failed = signIn.error ?? byPasskey.error
  return (
    <form
      noValidate
      className="space-y-5"
      onSubmit={(event) => {
        event.preventDefault()
        setAttempted(true)
        byPasskey.reset()
        if (errors.email === undefined && errors.password === undefined) signIn.mutate()
      }}
    >
      <EmailField value={email} error={attempted ? errors.email : undefined} onChange={setEmail} />
      <PasswordField
        label="Password"
        kind="current-password"
        value={password}
        error={attempted ? errors.password : undefined}
        onChange={setPassword}
      />
      {failed === null ? null : <Failure title="You are not signed in" error={forgeErrorOf(failed)} />}
      <Button type="submit" tone="primary" size="large" className="w-full" disabled={busy}>
        {signIn.isPending || signIn.isSuccess ? 'Signing in…' : 'Sign in'}
      </Button>
      <div className="flex items-center gap-3 text-xs text-muted" aria-hidden="true">
        <span className="h-px flex-1 bg-line" />
        or
        <span className="h-px flex-1 bg-line" />
      </div>
      <Button
        className="w-full"
        disabled={busy}
        onClick={() => {
          signIn.reset()
          byPasskey.mutate()
        }}
      >
        <KeyRound aria-hidden />
        {byPasskey.isPending ? 'Waiting for the passkey…' : 'Sign in with a passkey'}
      </Button>
    </form>
  )
}
