'use client'

import { useState } from 'react'
import { z } from 'zod'
import type { ForgeErrorJson } from '../../../kernel/errors.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { Field, Input, Textarea } from '../ui/field.tsx'
import { Panel } from '../ui/panel.tsx'

/** As the fields hold them. */
export interface PinFields {
  readonly hub_key: string
  readonly log_key: string
  /** One a line. */
  readonly witnesses: string
  readonly checkpoint: string
}

export const NO_PINS: PinFields = { hub_key: '', log_key: '', witnesses: '', checkpoint: '' }

const identitySchema = z.object({
  vkey: z.string().max(512),
  hub_keys: z.array(z.object({ key: z.string().max(64), until: z.string().nullable() })).max(1000),
  witnesses: z.array(z.string().max(512)).max(64),
})

async function keysOfThisSite(): Promise<Omit<PinFields, 'checkpoint'>> {
  const response = await fetch('/.well-known/forge-pool.json', { signal: AbortSignal.timeout(10_000) })
  const { vkey, hub_keys, witnesses } = identitySchema.parse(await response.json())
  return {
    hub_key: hub_keys.find(({ until }) => until === null)?.key ?? '',
    log_key: vkey,
    witnesses: witnesses.join('\n'),
  }
}

/** What the visitor knows from elsewhere. */
export function PinsPanel({
  pins,
  onChange,
  wrong,
}: {
  readonly pins: PinFields
  readonly onChange: (pins: PinFields) => void
  /** The pin that was refused. */
  readonly wrong: ForgeErrorJson | undefined
}) {
  const [error, setError] = useState<ForgeErrorJson>()
  const errorOf = (name: keyof PinFields) => (wrong?.path === name ? wrong.message : undefined)
  const set = (name: keyof PinFields) => (event: { readonly target: { readonly value: string } }) =>
    onChange({ ...pins, [name]: event.target.value })
  const prefill = async () => {
    setError(undefined)
    try {
      onChange({ ...pins, ...(await keysOfThisSite()) })
    } catch (thrown) {
      setError(forgeErrorOf(thrown))
    }
  }
  return (
    <Panel id="pins" title="What you know already" bodyClassName="space-y-4">
      <p className="text-sm text-muted">
        A file can bring its own keys. To be sure whose signatures these are, give what you have from
        elsewhere: keys that you wrote down before, or a checkpoint that you kept. Empty fields are not used.
      </p>
      <Field id="hub-key" label="Key of the hub" error={errorOf('hub_key')}>
        <Input
          id="hub-key"
          className="num"
          spellCheck={false}
          value={pins.hub_key}
          onChange={set('hub_key')}
          aria-invalid={errorOf('hub_key') !== undefined}
        />
      </Field>
      <Field id="log-key" label="Key of the ledger" error={errorOf('log_key')}>
        <Input
          id="log-key"
          className="num"
          spellCheck={false}
          value={pins.log_key}
          onChange={set('log_key')}
          aria-invalid={errorOf('log_key') !== undefined}
        />
      </Field>
      <Field id="witnesses" label="Keys of witnesses, one a line" error={errorOf('witnesses')}>
        <Textarea
          id="witnesses"
          rows={2}
          spellCheck={false}
          value={pins.witnesses}
          onChange={set('witnesses')}
          aria-invalid={errorOf('witnesses') !== undefined}
        />
      </Field>
      <Field id="checkpoint" label="An earlier checkpoint of the ledger" error={errorOf('checkpoint')}>
        <Textarea
          id="checkpoint"
          rows={3}
          spellCheck={false}
          value={pins.checkpoint}
          onChange={set('checkpoint')}
          aria-invalid={errorOf('checkpoint') !== undefined}
        />
      </Field>
      <div>
        <Button onClick={() => void prefill()}>Use the keys of this site</Button>
        <p className="mt-2 text-xs text-muted">
          Fetches them from this site. They show that it stands by the file, not that it is honest.
        </p>
      </div>
      {error === undefined ? null : <Failure title="The keys could not be fetched" error={error} />}
    </Panel>
  )
}
