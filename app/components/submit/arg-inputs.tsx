'use client'

import { useEffect, useId, useState } from 'react'
import type { Json, JsonObject } from '../../../kernel/canonical.ts'
import { parseJsonStrict } from '../../../kernel/canonical.ts'
import { formatNumber } from '../../data/format.ts'
import { cn } from '../ui/class-names.ts'
import { describedBy, Field, Input, Select } from '../ui/field.tsx'
import { type ArgField, applies, isOptional, spaced } from './arg-fields.ts'
import { isObject, memberAt, withMember } from './draft.ts'

interface ArgInputsProps {
  readonly fields: readonly ArgField[]
  readonly args: JsonObject
  /** Messages by argument name. */
  readonly errors: ReadonlyMap<string, string>
  readonly onChange: (name: string, value: Json | undefined) => void
}

export function ArgInputs({ fields, args, errors, onChange }: ArgInputsProps) {
  return (
    <div className="grid gap-x-6 gap-y-5 sm:grid-cols-2">
      {fields
        .filter((field) => applies(field, args))
        .map((field) => (
          <ArgInput
            key={field.name}
            field={field}
            value={args[field.name]}
            error={errors.get(field.name)}
            onChange={(value) => onChange(field.name, value)}
          />
        ))}
    </div>
  )
}

interface ArgInputProps {
  readonly field: ArgField
  readonly value: Json | undefined
  readonly error: string | undefined
  readonly onChange: (value: Json | undefined) => void
}

function ArgInput({ field, value, error, onChange }: ArgInputProps) {
  const id = useId()
  const help = helpOf(field)
  const common = {
    id,
    'data-path': `args.${field.name}`,
    'aria-invalid': error === undefined ? undefined : true,
    'aria-describedby': describedBy(id, help, error),
    'aria-required': field.required || undefined,
  }
  const label = (
    <>
      {field.title}
      {isOptional(field) ? <span className="ml-1.5 text-xs font-normal text-muted">optional</span> : null}
    </>
  )
  if (field.kind === 'flag') {
    return (
      <Field id={id} label={label} help={help} error={error}>
        <input
          {...common}
          type="checkbox"
          className="size-5 accent-accent"
          checked={value === true}
          onChange={(event) => onChange(event.target.checked)}
        />
      </Field>
    )
  }
  if (field.kind === 'group') {
    return (
      <div className="min-w-0 sm:col-span-2">
        <Field id={id} label={label} help={help} error={error}>
          <input
            {...common}
            type="checkbox"
            className="size-5 accent-accent"
            checked={value !== undefined}
            onChange={(event) => onChange(event.target.checked ? {} : undefined)}
          />
        </Field>
        {isObject(value) ? (
          <fieldset className="mt-4 grid gap-x-6 gap-y-5 border-l-2 border-line pl-4 sm:grid-cols-2">
            <legend className="sr-only">{field.title}</legend>
            {field.members.map((member) => (
              <ArgInput
                key={member.name}
                field={{ ...member, name: `${field.name}.${member.name}` }}
                value={memberAt(value, member.name)}
                error={undefined}
                onChange={(next) => onChange(withMember(value, member.name, next))}
              />
            ))}
          </fieldset>
        ) : null}
      </div>
    )
  }
  if (field.kind === 'choice') {
    return (
      <Field id={id} label={label} help={help} error={error}>
        <Select
          {...common}
          value={String(value ?? field.fallback ?? '')}
          onChange={(event) =>
            onChange(field.options.find((option) => String(option) === event.target.value))
          }
        >
          {field.fallback !== undefined ? null : field.required ? (
            value === undefined && <option value="">Choose…</option>
          ) : (
            <option value="">None</option>
          )}
          {field.options.map((option) => (
            <option key={option} value={option}>
              {typeof option === 'string' ? spaced(option) : option}
            </option>
          ))}
        </Select>
      </Field>
    )
  }
  return (
    <Field id={id} label={label} help={help} error={error}>
      <div className="relative">
        <TextInput field={field} value={value} onChange={onChange} common={common} />
        {field.unit === undefined ? null : (
          <span
            aria-hidden
            className="pointer-events-none absolute inset-y-0 right-3 flex max-w-[45%] items-center truncate text-xs text-muted"
          >
            {field.unit}
          </span>
        )}
      </div>
    </Field>
  )
}

/**
 * Keeps what was typed while it is not a number yet ("1e", "0."): the draft then holds the text itself, which the
 * op's schema refuses with the field's path.
 */
function TextInput({
  field,
  value,
  onChange,
  common,
}: Pick<ArgInputProps, 'field' | 'value' | 'onChange'> & { readonly common: Record<string, unknown> }) {
  const [text, setText] = useState(() => shownText(field, value))
  useEffect(() => {
    setText((current) => (Object.is(parsedValue(field, current), value) ? current : shownText(field, value)))
  }, [field, value])
  const numeric = field.kind === 'number' || field.kind === 'integer'
  return (
    <Input
      {...common}
      type="text"
      inputMode={field.kind === 'integer' ? 'numeric' : numeric ? 'decimal' : 'text'}
      autoComplete="off"
      spellCheck={false}
      placeholder={field.fallback === undefined ? undefined : String(field.fallback)}
      className={cn(numeric && 'num', field.unit !== undefined && 'pr-24')}
      value={text}
      onChange={(event) => {
        setText(event.target.value)
        onChange(parsedValue(field, event.target.value))
      }}
    />
  )
}

function shownText(field: ArgField, value: Json | undefined): string {
  if (value === undefined) return ''
  if (typeof value === 'string') return value
  return field.kind === 'json' || typeof value !== 'number' ? JSON.stringify(value) : String(value)
}

function parsedValue(field: ArgField, text: string): Json | undefined {
  const trimmed = text.trim()
  if (trimmed === '') return undefined
  if (field.kind === 'text') return text
  if (field.kind === 'json') {
    try {
      return parseJsonStrict(trimmed)
    } catch {
      return text
    }
  }
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(trimmed) ? Number(trimmed) : text
}

function helpOf(field: ArgField): string | undefined {
  const range = rangeOf(field)
  const parts = [field.description, range].filter((part) => part !== undefined)
  return parts.length === 0 ? undefined : parts.join(' ')
}

function rangeOf({ minimum, maximum, exclusive, kind }: ArgField): string | undefined {
  const noun = kind === 'integer' ? 'Whole number' : 'Number'
  if (minimum !== undefined && maximum !== undefined) {
    const from = `${exclusive.minimum ? 'above ' : ''}${formatNumber(minimum)}`
    const to = `${exclusive.maximum ? 'below ' : ''}${formatNumber(maximum)}`
    return `${noun} from ${from} to ${to}.`
  }
  if (minimum !== undefined)
    return `${noun} ${exclusive.minimum ? 'above' : 'from'} ${formatNumber(minimum)}.`
  if (maximum !== undefined)
    return `${noun} ${exclusive.maximum ? 'below' : 'up to'} ${formatNumber(maximum)}.`
  return undefined
}
