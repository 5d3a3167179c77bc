'use client'

import { useId } from 'react'
import { type Json, type JsonObject, parseJsonStrict } from '../../../kernel/canonical.ts'
import { ForgeError, type ForgeErrorJson } from '../../../kernel/errors.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { describedBy, Textarea } from '../ui/field.tsx'
import { isObject } from './draft.ts'

interface JsonEditorProps {
  readonly text: string
  readonly error: ForgeErrorJson | undefined
  /** Either a value or an error. */
  readonly onChange: (text: string, value: JsonObject | undefined, error: ForgeErrorJson | undefined) => void
}

export function prettyJson(value: Json): string {
  return JSON.stringify(value, null, 2)
}

/** The contract as text, read by the same strict parser as the API's. */
export function JsonEditor({ text, error, onChange }: JsonEditorProps) {
  const id = useId()
  const help = 'Duplicate keys, unknown fields and numbers out of range are refused, here as by the API.'
  const change = (next: string) => {
    try {
      const value = parseJsonStrict(next)
      if (!isObject(value)) throw new ForgeError('CONTRACT_INVALID', 'a contract is one JSON object')
      onChange(next, value, undefined)
    } catch (cause) {
      onChange(next, undefined, forgeErrorOf(cause))
    }
  }
  return (
    <div>
      <div className="mb-1 flex items-end justify-between gap-4">
        <label htmlFor={id} className="text-sm font-medium">
          Contract
        </label>
        <CopyButton text={text} what="contract" label="Copy" />
      </div>
      <Textarea
        id={id}
        rows={26}
        wrap="off"
        spellCheck={false}
        autoComplete="off"
        className="overflow-x-auto text-xs"
        aria-invalid={error === undefined ? undefined : true}
        aria-describedby={describedBy(id, help, error)}
        value={text}
        onChange={(event) => change(event.target.value)}
      />
      {error === undefined ? null : (
        <p id={`${id}-error`} role="alert" className="mt-2 text-xs font-medium break-words text-bad">
          {error.path === undefined || error.path === '' ? '' : <span className="num">{error.path}: </span>}
          {error.message}
        </p>
      )}
      <p id={`${id}-help`} className="mt-1 text-xs text-muted">
        {help}
      </p>
    </div>
  )
}
