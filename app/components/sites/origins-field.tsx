'use client'

import { useId } from 'react'
import { describedBy, Field, Textarea } from '../ui/field.tsx'

const HELP =
  'One a line, as browsers write them: https://www.example.org, with a port where there is one. http is for localhost only. No paths, no wildcards.'

/** The lines of the editor that say anything. */
export function originsOf(text: string): string[] {
  return text
    .split(/\s+/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

export function OriginsField({
  value,
  error,
  onChange,
}: {
  readonly value: string
  readonly error?: string | undefined
  readonly onChange: (value: string) => void
}) {
  const id = useId()
  return (
    <Field id={id} label="Allowed origins" help={HELP} error={error}>
      <Textarea
        id={id}
        rows={4}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="off"
        placeholder="https://www.example.org"
        aria-invalid={error === undefined ? undefined : true}
        aria-describedby={describedBy(id, HELP, error)}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </Field>
  )
}
