'use client'

import { Radio } from '@base-ui/react/radio'
import { RadioGroup } from '@base-ui/react/radio-group'
import type { ReactNode } from 'react'
import { useId } from 'react'
import { cn } from './class-names.ts'

export interface ChoiceOption<V extends string> {
  readonly value: V
  readonly label: string
  readonly help?: ReactNode
  readonly disabled?: boolean
}

interface ChoiceProps<V extends string> {
  readonly label: string
  readonly value: V
  readonly options: readonly ChoiceOption<V>[]
  readonly onChange: (value: V) => void
  readonly disabled?: boolean
  readonly className?: string
  /** Of the row of options. */
  readonly optionsClassName?: string
}

/** One of a few: a radio group named by `label`, its options named by theirs. */
export function Choice<V extends string>(props: ChoiceProps<V>) {
  const id = useId()
  return (
    <div className={props.className}>
      <p id={`${id}-label`} className="mb-1.5 text-sm font-medium">
        {props.label}
      </p>
      <RadioGroup
        aria-labelledby={`${id}-label`}
        value={props.value}
        disabled={props.disabled ?? false}
        onValueChange={(value) => props.onChange(value as V)}
        className={cn('flex flex-wrap gap-2', props.optionsClassName)}
      >
        {props.options.map((option) => (
          // biome-ignore lint/a11y/noLabelWithoutControl: Radio.Root renders the input that this label belongs to
          <label
            key={option.value}
            className="flex min-w-0 cursor-pointer items-start gap-2 rounded-sm border border-edge bg-panel px-3 py-2 has-data-checked:border-accent has-data-checked:ring-1 has-data-checked:ring-accent has-data-disabled:cursor-not-allowed has-data-disabled:opacity-60"
          >
            <Radio.Root
              value={option.value}
              disabled={option.disabled ?? false}
              aria-labelledby={`${id}-${option.value}`}
              aria-describedby={option.help === undefined ? undefined : `${id}-${option.value}-help`}
              className="mt-0.5 flex size-4 shrink-0 items-center justify-center rounded-full border border-edge bg-panel data-checked:border-accent"
            >
              <Radio.Indicator className="size-2 rounded-full bg-accent data-unchecked:hidden" />
            </Radio.Root>
            <span className="min-w-0">
              <span id={`${id}-${option.value}`} className="block text-sm leading-5">
                {option.label}
              </span>
              {option.help === undefined ? null : (
                <span id={`${id}-${option.value}-help`} className="block text-xs text-muted">
                  {option.help}
                </span>
              )}
            </span>
          </label>
        ))}
      </RadioGroup>
    </div>
  )
}
