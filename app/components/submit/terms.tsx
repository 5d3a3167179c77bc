'use client'

import { Dices } from 'lucide-react'
import { useId } from 'react'
import type { Json, JsonObject } from '../../../kernel/canonical.ts'
import { LIMITS } from '../../../kernel/limits.ts'
import { Button } from '../ui/button.tsx'
import { Choice } from '../ui/choice.tsx'
import { Field, Input } from '../ui/field.tsx'
import { field } from './draft.ts'

const SEED_BYTES = 16
export function SeedInput({
  seed,
  onChange,
}: {
  readonly seed: Json | undefined
  readonly onChange: (seed: JsonObject) => void
}) {
  const id = useId()
  const explicit = field(seed, 'mode') === 'explicit'
  const value = field(seed, 'value')
  const roll = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(SEED_BYTES))
    onChange({
      mode: 'explicit',
      value: Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''),
    })
  }
  return (
    <div>
      <Choice
        label="Seed"
        value={explicit ? 'explicit' : 'derived'}
        options={[
          {
            value: 'derived',
            label: 'Derived',
            help: 'From op, arguments and inputs: the same question gives the same answer.',
          },
          {
            value: 'explicit',
            label: 'Explicit',
            help: 'Your own text: another seed gives an independent run.',
          },
        ]}
        optionsClassName="grid sm:grid-cols-2"
        onChange={(mode) => (mode === 'derived' ? onChange({ mode }) : roll())}
      />
      {explicit ? (
        <Field
          id={id}
          label="Seed text"
          help={`1 to ${LIMITS.seed_chars} printable ASCII characters.`}
          className="mt-3"
        >
          <div className="flex gap-2">
            <Input
              id={id}
              data-path="seed.value"
              className="num"
              autoComplete="off"
              spellCheck={false}
              maxLength={LIMITS.seed_chars}
              value={typeof value === 'string' ? value : ''}
              onChange={(event) => onChange({ mode: 'explicit', value: event.target.value })}
            />
            <Button aria-label="Draw a random seed" className="w-12 shrink-0 px-0" onClick={roll}>
              <Dices aria-hidden />
            </Button>
          </div>
        </Field>
      ) : null}
    </div>
  )
}
