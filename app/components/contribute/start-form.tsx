'use client'

import { useMutation } from '@tanstack/react-query'
import { useId, useState } from 'react'
import type { ExecutorChoice } from '../../../agent-runtime/select.ts'
import type { StartRequest } from '../../data/agent.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { useTRPC } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { Callout } from '../ui/callout.tsx'
import { Choice } from '../ui/choice.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { describedBy, Field, Input } from '../ui/field.tsx'

const TOKEN = /^fpnt_[A-Za-z0-9_-]{43}$/
const TOKEN_HELP =
  'Shards then count for the token’s owner, on whatever network this computer is. Without a token your network is the owner.'
const LABEL_CHARS = 40

interface StartFormProps {
  readonly starting: boolean
  readonly onStart: (request: StartRequest) => void
}

/** The choices before the button. The token stays in this page's memory: it is in no address and in no storage. */
export function StartForm({ starting, onStart }: StartFormProps) {
  const id = useId()
  const [executor, setExecutor] = useState<ExecutorChoice>('auto')
  const [token, setToken] = useState('')
  const trimmed = token.trim()
  const error =
    trimmed === '' || TOKEN.test(trimmed) ? undefined : 'A token is fpnt_ followed by 43 characters.'
  return (
    <form
      className="space-y-5"
      onSubmit={(event) => {
        event.preventDefault()
        if (error === undefined) onStart({ executor, ownerToken: trimmed === '' ? undefined : trimmed })
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
      <Field id={id} label="Owner token" help={TOKEN_HELP} error={error}>
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
      <details className="rounded-sm border border-line">
        <summary className="px-3 py-2 text-sm">I have no token and want one</summary>
        <div className="border-t border-line p-3">
          <NewToken onUse={setToken} />
        </div>
      </details>
      <Button type="submit" tone="primary" size="large" className="w-full" disabled={starting}>
        {starting ? 'Starting…' : 'Start contributing'}
      </Button>
    </form>
  )
}

/** Makes an owner and its token. The site stores only the token's hash, so it is shown here and never again. */
function NewToken({ onUse }: { readonly onUse: (token: string) => void }) {
  const id = useId()
  const trpc = useTRPC()
  const [label, setLabel] = useState('')
  const create = useMutation(
    trpc.nodeTokens.create.mutationOptions({ onSuccess: ({ token }) => onUse(token) }),
  )
  return (
    <div>
      <Field
        id={id}
        label="Name of a new owner"
        help="Letters, digits, spaces and . _ @ - ; others see it beside your shards."
      >
        <div className="flex flex-wrap gap-2">
          <Input
            id={id}
            className="w-auto flex-1 basis-40"
            maxLength={LABEL_CHARS}
            autoComplete="off"
            aria-describedby={`${id}-help`}
            value={label}
            onChange={(event) => setLabel(event.target.value)}
          />
          <Button
            disabled={label.trim() === '' || create.isPending}
            onClick={() => create.mutate({ name: label.trim() })}
          >
            Create an owner token
          </Button>
        </div>
      </Field>
      {create.isError ? (
        <Failure className="mt-3" title="No token was created" error={forgeErrorOf(create.error)} />
      ) : null}
      {create.data === undefined ? null : (
        <Callout tone="ok" role="status" className="mt-3" title={`Token “${create.data.view.name}”`}>
          <p>Keep it now: it is not shown again. It is filled in above.</p>
          <p className="mt-1 flex items-center gap-1">
            <code className="num text-xs break-all">{create.data.token}</code>
            <CopyButton text={create.data.token} what="owner token" />
          </p>
        </Callout>
      )}
    </div>
  )
}
