'use client'

import { useId } from 'react'
import type { Json, JsonObject } from '../../../kernel/canonical.ts'
import type { Verify } from '../../../kernel/contract.ts'
import { LIMITS } from '../../../kernel/limits.ts'
import { Choice, type ChoiceOption } from '../ui/choice.tsx'
import { Field, Select } from '../ui/field.tsx'
import { field } from './draft.ts'

type Mode = Verify['mode']

const QUORUM_MIN = 2
const MODES: readonly (ChoiceOption<Mode> & { readonly fresh: Verify })[] = [
  {
    value: 'quorum',
    label: 'Quorum',
    help: 'Agreeing copies from distinct owners; the referee decides disputes.',
    fresh: { mode: 'quorum', k: QUORUM_MIN },
  },
  {
    value: 'adaptive',
    label: 'Adaptive',
    help: 'As many copies as each agent’s history asks for: hardly more than one where agents are known.',
    fresh: { mode: 'adaptive', epsilon: 1e-4 },
  },
  {
    value: 'spotcheck',
    label: 'Spot checks',
    help: 'One copy, of which the hub executes a random share again.',
    fresh: { mode: 'spotcheck', rate: 0.05 },
  },
  {
    value: 'full',
    label: 'Full',
    help: 'Two owners for every shard, and the hub’s own execution of one in twenty.',
    fresh: { mode: 'full' },
  },
  {
    value: 'algebraic',
    label: 'Algebraic',
    help: 'One copy, each checked by an identity at a secret point.',
    fresh: { mode: 'algebraic' },
  },
  {
    value: 'none',
    label: 'None',
    help: 'One copy, unchecked. Cheapest; trust it as far as you trust the agents.',
    fresh: { mode: 'none' },
  },
]

const RATES = [0.01, 0.02, 0.05, 0.1, 0.25, 1]
const EPSILONS = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6]

export function VerifyInput({
  verify,
  isCheckable,
  onChange,
}: {
  readonly verify: Json | undefined
  /** Whether the op has an algebraic check. */
  readonly isCheckable: boolean
  readonly onChange: (verify: JsonObject) => void
}) {
  const given = field(verify, 'mode')
  const mode = MODES.find(({ value }) => value === given)?.value ?? 'quorum'
  const number = (key: string, fallback: number): number => {
    const value = field(verify, key)
    return typeof value === 'number' ? value : fallback
  }
  return (
    <div>
      <Choice
        label="Verification"
        value={mode}
        options={MODES.filter(({ value }) => value !== 'algebraic' || isCheckable || mode === value)}
        optionsClassName="grid sm:grid-cols-2"
        onChange={(next) => onChange({ ...MODES.find(({ value }) => value === next)?.fresh })}
      />
      {mode === 'quorum' ? (
        <NumberChoice
          label="Copies that must agree"
          path="verify.k"
          value={number('k', QUORUM_MIN)}
          values={Array.from({ length: LIMITS.quorum_max - QUORUM_MIN + 1 }, (_, at) => at + QUORUM_MIN)}
          name={(k) => `${k} distinct owners`}
          onChange={(k) => onChange({ mode, k })}
        />
      ) : null}
      {mode === 'spotcheck' ? (
        <NumberChoice
          label="Shards executed again"
          path="verify.rate"
          value={number('rate', 0.05)}
          values={RATES}
          name={(rate) => `${100 * rate} % of them`}
          onChange={(rate) => onChange({ mode, rate })}
        />
      ) : null}
      {mode === 'adaptive' ? (
        <NumberChoice
          label="Error accepted in a shard"
          path="verify.epsilon"
          value={number('epsilon', 1e-4)}
          values={EPSILONS}
          name={(epsilon) => `1 in ${Math.round(1 / epsilon).toLocaleString('en-GB')}`}
          onChange={(epsilon) => onChange({ mode, epsilon })}
        />
      ) : null}
    </div>
  )
}

/** A few usual values, and the one that the contract has. */
function NumberChoice(props: {
  readonly label: string
  readonly path: string
  readonly value: number
  readonly values: readonly number[]
  readonly name: (value: number) => string
  readonly onChange: (value: number) => void
}) {
  const id = useId()
  const values = props.values.includes(props.value) ? props.values : [...props.values, props.value]
  return (
    <Field id={id} label={props.label} className="mt-3 max-w-56">
      <Select
        id={id}
        data-path={props.path}
        value={String(props.value)}
        onChange={(event) => props.onChange(Number(event.target.value))}
      >
        {values.map((value) => (
          <option key={value} value={String(value)}>
            {props.name(value)}
          </option>
        ))}
      </Select>
    </Field>
  )
}
