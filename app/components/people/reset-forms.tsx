'use client'

import { useMutation } from '@tanstack/react-query'
import Link from 'next/link'
import { useState } from 'react'
import { answered, authClient } from '../../data/auth-client.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { Failure } from '../failure.tsx'
import { Button, buttonStyles } from '../ui/button.tsx'
import { Callout } from '../ui/callout.tsx'
import { EmailField, emailError } from './email-field.tsx'
import { newPasswordError, PasswordField } from './password-field.tsx'

/** Asks for a mail with a link. The answer is the same whether the address has an account or not. */
export function RequestResetForm() {
  const [email, setEmail] = useState('')
  const [attempted, setAttempted] = useState(false)
  const error = emailError(email)
  const request = useMutation({
    mutationFn: () =>
      answered(authClient.requestPasswordReset({ email: email.trim(), redirectTo: '/reset-password' })),
  })
  if (request.isSuccess) {
    return (
      <Callout tone="ok" role="status" title="Look into your mail">
        If there is an account for {email.trim()}, a mail with a link is on its way. The link works once and
        for an hour.
      </Callout>
    )
  }
  return (
    <form
      noValidate
      className="space-y-5"
      onSubmit={(event) => {
        event.preventDefault()
        setAttempted(true)
        if (error === undefined) request.mutate()
      }}
    >
      <EmailField value={email} error={attempted ? error : undefined} onChange={setEmail} />
      {request.error === null ? null : (
        <Failure title="No mail was sent" error={forgeErrorOf(request.error)} />
      )}
      <Button type="submit" tone="primary" size="large" className="w-full" disabled={request.isPending}>
        {request.isPending ? 'Sending…' : 'Send me a link'}
      </Button>
    </form>
  )
}

/** Sets a new password by the token of a mail. */
export function NewPasswordForm({ token }: { readonly token: string }) {
  const [password, setPassword] = useState('')
  const [attempted, setAttempted] = useState(false)
  const error = newPasswordError(password)
  const reset = useMutation({
    mutationFn: () => answered(authClient.resetPassword({ newPassword: password, token })),
  })
  if (reset.isSuccess) {
    return (
      <>
        <Callout tone="ok" role="status" title="The password is changed">
          All sessions of the account have ended. Sign in with the new password.
        </Callout>
        <Link href="/sign-in" className={buttonStyles({ tone: 'primary', className: 'mt-4 w-full' })}>
          Sign in
        </Link>
      </>
    )
  }
  return (
    <form
      noValidate
      className="space-y-5"
      onSubmit={(event) => {
        event.preventDefault()
        setAttempted(true)
        if (error === undefined) reset.mutate()
      }}
    >
      <PasswordField
        label="New password"
        kind="new-password"
        value={password}
        error={attempted ? error : undefined}
        onChange={setPassword}
      />
      {reset.error === null ? null : (
        <Failure title="The password was not changed" error={forgeErrorOf(reset.error)}>
          <Link href="/reset-password" className={buttonStyles({ size: 'small' })}>
            Ask for another link
          </Link>
        </Failure>
      )}
      <Button type="submit" tone="primary" size="large" className="w-full" disabled={reset.isPending}>
        {reset.isPending ? 'Changing…' : 'Set the new password'}
      </Button>
    </form>
  )
}
