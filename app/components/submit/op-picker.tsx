'use client'

import { Radio } from '@base-ui/react/radio'
import { RadioGroup } from '@base-ui/react/radio-group'
import type { Op } from '../../../kernel/job.ts'
import { cn } from '../ui/class-names.ts'

interface OpPickerProps {
  readonly ops: readonly Op[]
  readonly selected: string | undefined
  readonly onSelect: (op: Op) => void
}

/** The ops as cards of one radio group. */
export function OpPicker({ ops, selected, onSelect }: OpPickerProps) {
  return (
    <RadioGroup
      aria-label="Op"
      value={selected ?? ''}
      onValueChange={(value) => {
        const op = ops.find(({ id }) => id === value)
        if (op !== undefined) onSelect(op)
      }}
      className="grid gap-3 md:grid-cols-3"
    >
      {ops.map((op) => (
        // biome-ignore lint/a11y/noLabelWithoutControl: Radio.Root renders the input that this label belongs to
        <label
          key={op.id}
          className="flex cursor-pointer flex-col rounded-sm border border-edge bg-panel p-4 hover:bg-sunken has-data-checked:border-accent has-data-checked:ring-1 has-data-checked:ring-accent"
        >
          <span className="flex items-start justify-between gap-3">
            <span id={`op-${op.id}`} className="text-sm font-semibold">
              {op.title}
            </span>
            <Radio.Root
              value={op.id}
              aria-labelledby={`op-${op.id}`}
              aria-describedby={`op-${op.id}-help`}
              className="mt-0.5 flex size-4 shrink-0 items-center justify-center rounded-full border border-edge bg-panel data-checked:border-accent"
            >
              <Radio.Indicator className="size-2 rounded-full bg-accent data-unchecked:hidden" />
            </Radio.Root>
          </span>
          <span className="num mt-0.5 text-xs text-muted">{op.id}</span>
          {/* Two lines of each, so that many ops fit; the chosen one says all. */}
          <span
            id={`op-${op.id}-help`}
            className={cn('mt-2 text-xs leading-5 text-muted', op.id !== selected && 'line-clamp-2')}
          >
            {op.description}
          </span>
        </label>
      ))}
    </RadioGroup>
  )
}
