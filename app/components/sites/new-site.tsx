'use client'

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useId, useState } from 'react'
import { forgeErrorOf } from '../../data/errors.ts'
import { useTRPC } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { describedBy, Field, Input } from '../ui/field.tsx'
import { Panel } from '../ui/panel.tsx'
import { OriginsField, originsOf } from './origins-field.tsx'

const NAME_CHARS_MAX = 60
const NAME_HELP = 'Visitors read it on the consent card.'

export function NewSite() {
  const id = useId()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const [name, setName] = useState('')
  const [origins, setOrigins] = useState('')
  const [attempted, setAttempted] = useState(false)
  const create = useMutation(
    trpc.sites.create.mutationOptions({
      onSuccess: (site) => {
        void queries.invalidateQueries({ queryKey: trpc.sites.list.queryKey() })
        router.push(`/sites/${site.id}`)
      },
    }),
  )
  const failure = create.error === null ? undefined : forgeErrorOf(create.error)
  const nameError = attempted && name.trim() === '' ? 'Give the site a name.' : undefined
  const aboutOrigins = failure?.path?.startsWith('allowed_origins') === true
  return (
    <Panel id="new-site" title="A new site">
      <form
        noValidate
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          setAttempted(true)
          if (name.trim() !== '') create.mutate({ name: name.trim(), allowed_origins: originsOf(origins) })
        }}
      >
        <Field id={id} label="Name" help={NAME_HELP} error={nameError}>
          <Input
            id={id}
            maxLength={NAME_CHARS_MAX}
            autoComplete="off"
            aria-invalid={nameError === undefined ? undefined : true}
            aria-describedby={describedBy(id, NAME_HELP, nameError)}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </Field>
        <OriginsField
          value={origins}
          error={aboutOrigins ? [failure.message, failure.hint].filter(Boolean).join('. ') : undefined}
          onChange={(text) => {
            setOrigins(text)
            create.reset()
          }}
        />
        {failure === undefined || aboutOrigins ? null : (
          <Failure title="The site was not created" error={failure} />
        )}
        <Button type="submit" tone="primary" disabled={create.isPending || create.isSuccess}>
          {create.isPending || create.isSuccess ? 'Creating…' : 'Create site'}
        </Button>
      </form>
    </Panel>
  )
}
