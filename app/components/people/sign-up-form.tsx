'use client'

import { useMutation } from '@tanstack/react-query'
import { useId, useState } from 'react'
import { answered, authClient } from '../../data/auth-client.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { useBecome } from '../../data/person.tsx'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { useEarlyInput } from '../ui/early-input.ts'
import { describedBy, Field, Input } from '../ui/field.tsx'
import { EmailField, emailError } from './email-field.tsx'
import { newPasswordError, PasswordField } from './password-field.tsx'

const NAME_CHARS_MAX = 60
const NAME_HELP = 'Only you see it, here and on your devices.'

/** A new account, and in it at once. @param next page to go on to */
export function SignUpForm({ next }: { readonly next: string }) {
  const nameId = useId()
  const become = useBecome()
  const [name, setName] = useState('')
  const nameInput = useEarlyInput(setName)
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [attempted, setAttempted] = useState(false)
  const signUp = useMutation({
    // The answer to a sign-up does not tell whether the address had an account; signing in shows whether it is ours.
    mutationFn: async () => {
      const credentials = { email: email.trim(), password }
      await answered(authClient.signUp.email({ ...credentials, name: name.trim() }))
      await answered(authClient.signIn.email(credentials))
    },
    onSuccess: () => become(next),
  })
  const errors = {
    name: name.trim() === '' ? 'Type a name, your own or another.' : undefined,
    email: emailError(email),
    password: newPasswordError(password),
  }
  const complete = Object.values(errors).every((error) => error === undefined)
  const shown = (error: string | undefined) => (attempted ? error : undefined)
  const busy = signUp.isPending || signUp.isSuccess
  const failure = signUp.error === null ? undefined : forgeErrorOf(signUp.error)
  return (
    <form
      noValidate
      className="space-y-5"
      onSubmit={(event) => {
        event.preventDefault()
        setAttempted(true)
        if (complete) signUp.mutate()
      }}
    >
      <Field id={nameId} label="Name" help={NAME_HELP} error={shown(errors.name)}>
        <Input
          ref={nameInput}
          id={nameId}
          name="name"
          autoComplete="nickname"
          required
          maxLength={NAME_CHARS_MAX}
          aria-invalid={shown(errors.name) === undefined ? undefined : true}
          aria-describedby={describedBy(nameId, NAME_HELP, shown(errors.name))}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      </Field>
      <EmailField
        value={email}
        error={shown(errors.email)}
        help="For signing in and for resetting the password. Nobody else sees it."
        onChange={setEmail}
      />
      <PasswordField
        label="Password"
        kind="new-password"
        value={password}
        error={shown(errors.password)}
        onChange={setPassword}
      />
      {failure === undefined ? null : (
        <Failure
          title="You are not signed in"
          error={
            failure.path === 'password' && failure.code === 'UNAUTHENTICATED'
              ? {
                  ...failure,
                  message: 'this address cannot be used with this password',
                  hint: 'If you have an account already, sign in with its password or reset it.',
                }
              : failure
          }
        />
      )}
      <Button type="submit" tone="primary" size="large" className="w-full" disabled={busy}>
        {busy ? 'Creating the account…' : 'Create account'}
      </Button>
    </form>
  )
}
