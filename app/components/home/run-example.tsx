'use client'

import { useMutation } from '@tanstack/react-query'
import Link from 'next/link'
import { useState } from 'react'
import { EXAMPLE_IDS, EXAMPLES, type ExampleId } from '../../../kernel/examples.ts'
import { answered, authClient } from '../../data/auth-client.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { useBecome, usePerson } from '../../data/person.tsx'
import { useTRPCClient } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { Button, buttonStyles } from '../ui/button.tsx'
import { Choice } from '../ui/choice.tsx'
import { Panel } from '../ui/panel.tsx'

/**
 * For visitors: one contract on the real network, on test credits and without an account. It becomes a job of the
 * account that he makes later.
 * @param ran the guest's job, when he has run one
 */
export function RunExample({ ran }: { readonly ran: string | null }) {
  const person = usePerson()
  const api = useTRPCClient()
  const become = useBecome()
  const [example, setExample] = useState<ExampleId>('pi')
  const run = useMutation({
    mutationFn: async () => {
      if (person === null) await answered(authClient.signIn.anonymous())
      return await api.guest.runExample.mutate({ example })
    },
    onSuccess: ({ id }) => become(`/jobs/${id}`),
  })
  if (person?.kind === 'user') return null
  const busy = run.isPending || run.isSuccess
  return (
    <Panel id="example" title="Run an example on the network" aside="no account needed">
      {ran === null ? (
        <>
          <Choice
            label="Which"
            value={example}
            onChange={setExample}
            disabled={busy}
            options={EXAMPLE_IDS.map((id) => ({
              value: id,
              label: EXAMPLES[id].title,
              help: EXAMPLES[id].description,
            }))}
            optionsClassName="grid sm:grid-cols-2"
          />
          <div className="mt-4 flex flex-wrap items-center gap-x-4 gap-y-3">
            <Button tone="primary" disabled={busy} onClick={() => run.mutate()}>
              {busy ? 'Submitting…' : 'Run it'}
            </Button>
            <p className="min-w-0 flex-1 basis-56 text-sm text-muted">
              Every shard is computed by two owners, or by one and the hub’s referee, usually within a minute.
              One example for each visitor.
            </p>
          </div>
          {run.isError ? (
            <Failure className="mt-4" title="The example was not run" error={forgeErrorOf(run.error)} />
          ) : null}
        </>
      ) : (
        <div className="flex flex-wrap items-center gap-x-4 gap-y-3">
          <p className="min-w-0 flex-1 basis-56 text-sm">
            You have run your example. Create an account to keep it and to submit contracts of your own.
          </p>
          <Link href={`/jobs/${ran}`} className={buttonStyles()}>
            See it
          </Link>
          <Link
            href={`/sign-up?next=${encodeURIComponent(`/jobs/${ran}`)}`}
            className={buttonStyles({ tone: 'primary' })}
          >
            Create an account
          </Link>
        </div>
      )}
    </Panel>
  )
}
