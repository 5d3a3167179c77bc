'use client'

import { Eye, EyeOff } from 'lucide-react'
import { useId, useState } from 'react'
import { PASSWORD_CHARS } from '../../../kernel/api/people.ts'
import { Button } from '../ui/button.tsx'
import { useEarlyInput } from '../ui/early-input.ts'
import { describedBy, Field, Input } from '../ui/field.tsx'

interface PasswordFieldProps {
  readonly label: string
  /** Tells a password manager whether to fill in or to make one up. */
  readonly kind: 'current-password' | 'new-password'
  readonly value: string
  readonly error?: string | undefined
  readonly onChange: (value: string) => void
}

export function PasswordField({ label, kind, value, error, onChange }: PasswordFieldProps) {
  const id = useId()
  const input = useEarlyInput(onChange)
  const [shown, setShown] = useState(false)
  const help =
    kind === 'new-password' ? `At least ${PASSWORD_CHARS.min} characters; any characters will do.` : undefined
  return (
    <Field id={id} label={label} help={help} error={error}>
      <div className="flex gap-2">
        <Input
          ref={input}
          id={id}
          name={kind}
          type={shown ? 'text' : 'password'}
          autoComplete={kind}
          required
          maxLength={PASSWORD_CHARS.max}
          spellCheck={false}
          autoCapitalize="off"
          aria-invalid={error === undefined ? undefined : true}
          aria-describedby={describedBy(id, help, error)}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
        <Button
          aria-label={shown ? `Hide ${label.toLowerCase()}` : `Show ${label.toLowerCase()}`}
          className="w-12 shrink-0 px-0"
          onClick={() => setShown(!shown)}
        >
          {shown ? <EyeOff aria-hidden /> : <Eye aria-hidden />}
        </Button>
      </div>
    </Field>
  )
}

/** What is wrong with a new password before anybody is asked. */
export function newPasswordError(password: string): string | undefined {
  if (password === '') return `Type a password of at least ${PASSWORD_CHARS.min} characters.`
  return password.length < PASSWORD_CHARS.min
    ? `A password has at least ${PASSWORD_CHARS.min} characters; this one has ${password.length}.`
    : undefined
}
