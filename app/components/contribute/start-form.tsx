'use client'

import Link from 'next/link'
import { usePathname } from 'next/navigation'
import { useId, useState } from 'react'
import type { ExecutorChoice } from '../../../agent-runtime/select.ts'
import { CAUSE_NAMES, type Cause } from '../../../kernel/causes.ts'
import type { StartRequest } from '../../data/agent.ts'
import { withNext } from '../../data/next-path.ts'
import { usePerson } from '../../data/person.tsx'
import { Button } from '../ui/button.tsx'
import { Choice } from '../ui/choice.tsx'
import { describedBy, Field, Input } from '../ui/field.tsx'
import { linkStyles } from '../ui/link-styles.ts'
import { CauseChoice } from './cause-choice.tsx'

const TOKEN = /^fpnt_[A-Za-z0-9_-]{43}$/
const TOKEN_HELP = 'Shards then count for the token’s account, whoever has signed in here.'

interface StartFormProps {
  readonly starting: boolean
  readonly onStart: (request: StartRequest) => void
}

/** The choices before the button. A token stays in this page's memory: it is in no address and in no storage. */
export function StartForm({ starting, onStart }: StartFormProps) {
  const id = useId()
  const [executor, setExecutor] = useState<ExecutorChoice>('auto')
  const [token, setToken] = useState('')
  const [causes, setCauses] = useState<readonly Cause[]>(CAUSE_NAMES)
  const trimmed = token.trim()
  const error =
    trimmed === '' || TOKEN.test(trimmed) ? undefined : 'A token is fpnt_ followed by 43 characters.'
  return (
    <form
      className="space-y-5"
      onSubmit={(event) => {
        event.preventDefault()
        if (error !== undefined || causes.length === 0) return
        // All of them, those to come included.
        const chosen = causes.length === CAUSE_NAMES.length ? undefined : causes
        onStart({ executor, ownerToken: trimmed === '' ? undefined : trimmed, causes: chosen })
      }}
    >
      <Choice
        label="Executor"
        value={executor}
        onChange={setExecutor}
        options={[
          { value: 'auto', label: 'auto', help: 'Measures both, takes the faster.' },
          { value: 'webgpu', label: 'WebGPU', help: 'The graphics device only.' },
          { value: 'cpu', label: 'CPU', help: 'Leaves the graphics device alone.' },
        ]}
        optionsClassName="grid sm:grid-cols-3 lg:grid-cols-1"
      />
      <CauseChoice chosen={causes} onChange={setCauses} />
      <ForWhom />
      <details className="rounded-sm border border-line" open={error === undefined ? undefined : true}>
        <summary className="px-3 py-2 text-sm">I have a node token</summary>
        <div className="border-t border-line p-3">
          <Field id={id} label="Node token" help={TOKEN_HELP} error={error}>
            <Input
              id={id}
              className="num"
              autoComplete="off"
              spellCheck={false}
              placeholder="fpnt_… (optional)"
              aria-invalid={error === undefined ? undefined : true}
              aria-describedby={describedBy(id, TOKEN_HELP, error)}
              value={token}
              onChange={(event) => setToken(event.target.value)}
            />
          </Field>
        </div>
      </details>
      <Button
        type="submit"
        tone="primary"
        size="large"
        className="w-full"
        disabled={starting || causes.length === 0}
      >
        {starting ? 'Starting…' : 'Start contributing'}
      </Button>
    </form>
  )
}

/** Whose work it will be: nobody should learn afterwards that it counted for somebody else. */
function ForWhom() {
  const person = usePerson()
  const path = usePathname()
  return (
    <div className="text-sm">
      <p className="font-medium">For whom</p>
      {person?.kind === 'user' ? (
        <p className="mt-1 text-muted">
          For your account, <strong className="font-medium text-ink">{person.name}</strong>: verified shards
          earn credits, and this browser appears among your{' '}
          <Link href="/devices" className={linkStyles}>
            devices
          </Link>
          .
        </p>
      ) : (
        <p className="mt-1 text-muted">
          For this computer’s network, because nobody has signed in. You can claim the work later from this
          browser, or{' '}
          <Link href={withNext('/sign-in', path)} className={linkStyles}>
            sign in
          </Link>{' '}
          first.
        </p>
      )}
    </div>
  )
}
