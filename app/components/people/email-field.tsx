'use client'

import { useId } from 'react'
import { useEarlyInput } from '../ui/early-input.ts'
import { describedBy, Field, Input } from '../ui/field.tsx'

interface EmailFieldProps {
  readonly value: string
  readonly error?: string | undefined
  readonly help?: string
  readonly onChange: (value: string) => void
}

const EMAIL_CHARS_MAX = 254

export function EmailField({ value, error, help, onChange }: EmailFieldProps) {
  const id = useId()
  const input = useEarlyInput(onChange)
  return (
    <Field id={id} label="E-mail address" help={help} error={error}>
      <Input
        ref={input}
        id={id}
        name="email"
        type="email"
        autoComplete="username"
        inputMode="email"
        spellCheck={false}
        autoCapitalize="off"
        required
        maxLength={EMAIL_CHARS_MAX}
        aria-invalid={error === undefined ? undefined : true}
        aria-describedby={describedBy(id, help, error)}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </Field>
  )
}

/** What is wrong with it at a glance; whether it exists, only a mail can tell. */
export function emailError(email: string): string | undefined {
  return /^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(email.trim())
    ? undefined
    : 'An e-mail address looks like name@example.org.'
}
