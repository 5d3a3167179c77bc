'use client'

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useId, useState } from 'react'
import type { SiteView } from '../../../kernel/api/sites.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { useTRPC } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { Callout } from '../ui/callout.tsx'
import { Field, Input } from '../ui/field.tsx'
import { Panel } from '../ui/panel.tsx'
import { OriginsField, originsOf } from './origins-field.tsx'

const NAME_CHARS_MAX = 60

/** Name, origins, phones: what is saved takes effect for every page that loads from then on. */
export function SiteSettings({ site }: { readonly site: SiteView }) {
  const id = useId()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [name, setName] = useState(site.name)
  const [origins, setOrigins] = useState(site.allowed_origins.join('\n'))
  const [phones, setPhones] = useState(site.phones)
  const save = useMutation(
    trpc.sites.update.mutationOptions({
      onSuccess: (changed) => {
        queries.setQueryData(trpc.sites.get.queryKey({ id: site.id }), changed)
        setOrigins(changed.allowed_origins.join('\n'))
      },
    }),
  )
  const failure = save.error === null ? undefined : forgeErrorOf(save.error)
  const aboutOrigins = failure?.path?.startsWith('allowed_origins') === true
  const nameError = name.trim() === '' ? 'Give the site a name.' : undefined
  return (
    <Panel id="settings" title="Settings">
      <form
        noValidate
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          if (nameError === undefined) {
            save.mutate({ id: site.id, name: name.trim(), allowed_origins: originsOf(origins), phones })
          }
        }}
      >
        <Field id={id} label="Name" help="Visitors read it on the consent card." error={nameError}>
          <Input
            id={id}
            maxLength={NAME_CHARS_MAX}
            autoComplete="off"
            aria-describedby={`${id}-help`}
            aria-invalid={nameError === undefined ? undefined : true}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </Field>
        <OriginsField
          value={origins}
          error={aboutOrigins ? [failure.message, failure.hint].filter(Boolean).join('. ') : undefined}
          onChange={(text) => {
            setOrigins(text)
            save.reset()
          }}
        />
        <div className="flex items-start gap-3">
          <input
            id={`${id}-phones`}
            type="checkbox"
            className="mt-0.5 size-5 shrink-0 accent-accent"
            aria-describedby={`${id}-phones-help`}
            checked={phones}
            onChange={(event) => setPhones(event.target.checked)}
          />
          <div className="text-sm">
            <label htmlFor={`${id}-phones`} className="font-medium">
              Ask on phones and tablets, too
            </label>
            <p id={`${id}-phones-help`} className="text-xs text-muted">
              Off, they are never asked. On, the snippet must carry{' '}
              <code className="num">data-phones="on"</code> as well.
            </p>
          </div>
        </div>
        {failure === undefined || aboutOrigins ? null : (
          <Failure title="The settings were not saved" error={failure} />
        )}
        {save.isSuccess ? <Callout tone="ok" role="status" title="Saved" /> : null}
        <Button type="submit" disabled={save.isPending}>
          {save.isPending ? 'Saving…' : 'Save settings'}
        </Button>
      </form>
    </Panel>
  )
}
