'use client'

import { useMutation } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { Json, JsonObject } from '../../../kernel/canonical.ts'
import type { ForgeErrorJson } from '../../../kernel/errors.ts'
import { OPS } from '../../../kernel/ops/registry.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { withNext } from '../../data/next-path.ts'
import { usePerson } from '../../data/person.tsx'
import { useTRPC } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { Callout } from '../ui/callout.tsx'
import { Panel } from '../ui/panel.tsx'
import { Tab, TabList, TabPanel, Tabs } from '../ui/tabs.tsx'
import { argFields } from './arg-fields.ts'
import { ArgInputs } from './arg-inputs.tsx'
import { argErrors, checkDraft, type Draft, newDraft, objectField, opOf, withField } from './draft.ts'
import { JsonEditor, prettyJson } from './json-editor.tsx'
import { keepDraft, takeKeptDraft } from './kept-draft.ts'
import { OpPicker } from './op-picker.tsx'
import { OperandInput } from './operand-input.tsx'
import { QuotePanel } from './quote-panel.tsx'
import { SeedInput } from './terms.tsx'
import { VerifyInput } from './verify-input.tsx'

const ALL_OPS = OPS.list()

/** Writes a contract, by form or as JSON: two views of one draft. */
export function SubmitForm({ template }: { readonly template: JsonObject | undefined }) {
  const trpc = useTRPC()
  const router = useRouter()
  const mayNotSubmit = usePerson()?.kind !== 'user'
  const [tab, setTab] = useState<'form' | 'json'>('form')
  const [draft, setDraft] = useState<Draft>(() => template ?? firstDraft())
  /** What stands in the JSON editor; while it does not parse, the draft is the last one that did. */
  const [json, setJson] = useState(() => prettyJson(draft))
  const [jsonError, setJsonError] = useState<ForgeErrorJson | undefined>(undefined)
  const [serverError, setServerError] = useState<ForgeErrorJson | undefined>(undefined)
  /** Whether the visitor pressed the button: before that an unfinished contract is no error. */
  const [attempted, setAttempted] = useState(false)
  /** Executed even where a record would answer it. */
  const [forced, setForced] = useState(false)
  const idempotencyKey = useRef<{ draft: Draft; forced: boolean; key: string } | undefined>(undefined)
  const form = useRef<HTMLFormElement>(null)

  const op = useMemo(() => opOf(draft), [draft])
  const fields = useMemo(() => (op === undefined ? undefined : argFields(op)), [op])
  const check = useMemo(() => checkDraft(draft), [draft])
  const args = objectField(draft, 'args')
  const errors = useMemo(() => {
    const found = new Map(op === undefined ? [] : argErrors(op, draft.args))
    // What only the plan can refuse (a product of two arguments, say) names its field too.
    for (const error of [check.ok ? undefined : check.error, serverError]) {
      const name = /^args\.([a-z0-9_]+)/.exec(error?.path ?? '')?.[1]
      if (error !== undefined && name !== undefined && !found.has(name)) found.set(name, error.message)
    }
    return found
  }, [op, draft, check, serverError])

  const edit = useCallback((next: Draft) => {
    setDraft(next)
    setJson(prettyJson(next))
    setJsonError(undefined)
    setServerError(undefined)
    setAttempted(false)
  }, [])
  useEffect(() => {
    const kept = template === undefined ? takeKeptDraft() : undefined
    if (kept !== undefined) edit(kept)
  }, [template, edit])
  const set = (key: string, value: Json | undefined) => edit(withField(draft, key, value))

  const submit = useMutation(
    trpc.jobs.submit.mutationOptions({
      onSuccess: ({ id }) => router.push(`/jobs/${id}`),
      onError: (error) => {
        const forge = forgeErrorOf(error)
        setServerError(forge)
        focusPath(forge.path)
      },
    }),
  )

  const focusPath = (path: string | undefined) => {
    if (path === undefined || path === '') return
    setTab('form')
    // The form's panel is mounted by the time a new task runs.
    setTimeout(() => focusField(form.current, path))
  }

  const send = () => {
    if (jsonError !== undefined) return
    if (!check.ok) {
      setAttempted(true)
      focusPath(check.error.path)
      return
    }
    if (mayNotSubmit) {
      keepDraft(draft)
      router.push(withNext('/sign-in', '/submit'))
      return
    }
    // The same draft sent twice (a double click, a retry after a lost answer) is one job.
    if (idempotencyKey.current?.draft !== draft || idempotencyKey.current.forced !== forced)
      idempotencyKey.current = { draft, forced, key: randomKey() }
    setServerError(undefined)
    submit.mutate({
      contract: draft,
      idempotency_key: idempotencyKey.current.key,
      replay: forced ? 'never' : 'allow',
    })
  }

  const inputs = Object.entries(op?.inputs ?? {})
  const waiting = submit.isPending || submit.isSuccess
  return (
    <form
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
      className="mt-6 grid items-start gap-6 lg:grid-cols-[minmax(0,1fr)_22rem]"
    >
      <div className="min-w-0">
        <Tabs value={tab} onValueChange={(value) => setTab(value === 'json' ? 'json' : 'form')}>
          <TabList aria-label="How to write the contract">
            <Tab value="form">Form</Tab>
            <Tab value="json">JSON</Tab>
          </TabList>
          <TabPanel value="form" className="space-y-6" keepMounted hidden={tab !== 'form'}>
            <OpPicker ops={ALL_OPS} selected={op?.id} onSelect={(next) => edit(newDraft(next))} />
            {op === undefined ? (
              <Callout tone="warn" title="This contract names an op that this site does not know">
                Choose one above, or correct it in the JSON tab.
              </Callout>
            ) : (
              <>
                {inputs.length === 0 ? null : (
                  <Panel id="operands" title="Operands" bodyClassName="space-y-4">
                    {inputs.map(([name, spec]) => (
                      <OperandInput
                        // Another op's operand of the same name is another operand.
                        key={`${op.id}:${name}`}
                        name={name}
                        spec={spec}
                        value={objectField(draft, 'inputs')[name]}
                        onChange={(value) =>
                          setDraft((current) => {
                            const next = withField(
                              current,
                              'inputs',
                              withField(objectField(current, 'inputs'), name, value),
                            )
                            setJson(prettyJson(next))
                            return next
                          })
                        }
                      />
                    ))}
                  </Panel>
                )}
                <Panel id="arguments" title="Arguments">
                  {fields === undefined ? (
                    <p className="text-sm text-muted">
                      The arguments of this op cannot be shown as a form; use the JSON tab.
                    </p>
                  ) : fields.length === 0 ? (
                    <p className="text-sm text-muted">This op takes no arguments.</p>
                  ) : (
                    <ArgInputs
                      key={op.id}
                      fields={fields}
                      args={args}
                      errors={errors}
                      onChange={(name, value) => set('args', withField(args, name, value))}
                    />
                  )}
                </Panel>
                <Panel id="terms" title="Seed and verification" bodyClassName="space-y-6">
                  <SeedInput seed={draft.seed} onChange={(seed) => set('seed', seed)} />
                  <VerifyInput
                    verify={draft.verify}
                    isCheckable={op.isCheckable}
                    onChange={(verify) => set('verify', verify)}
                  />
                </Panel>
              </>
            )}
          </TabPanel>
          <TabPanel value="json">
            <JsonEditor
              text={json}
              error={jsonError ?? (check.ok ? undefined : check.error)}
              onChange={(text, value, error) => {
                setJson(text)
                setJsonError(error)
                setServerError(undefined)
                if (value !== undefined) setDraft(value)
              }}
            />
          </TabPanel>
        </Tabs>
      </div>
      <div className="min-w-0 space-y-4 lg:sticky lg:top-4">
        <QuotePanel
          check={jsonError === undefined ? check : { ok: false, error: jsonError }}
          attempted={attempted}
        />
        {serverError === undefined ? null : (
          <Failure title="The contract was not submitted" error={serverError} />
        )}
        <label className="flex items-start gap-2 text-sm">
          <input
            type="checkbox"
            checked={forced}
            onChange={(event) => setForced(event.target.checked)}
            className="mt-0.5 size-4 shrink-0 accent-accent"
          />
          <span>
            Execute it in any case
            <span className="block text-xs text-muted">
              Else the record of an equal job, yours or public, answers it at once and for nothing, where it
              was verified at least as you ask.
            </span>
          </span>
        </label>
        <Button
          type="submit"
          tone="primary"
          size="large"
          className="w-full"
          disabled={waiting || jsonError !== undefined}
        >
          {waiting ? 'Submitting…' : mayNotSubmit ? 'Sign in and submit' : 'Submit contract'}
        </Button>
        <p className="text-xs text-muted">
          {mayNotSubmit
            ? 'A job belongs to an account. This tab keeps the contract while you sign in. '
            : 'Only you see the job until you publish it. '}
          Agents see the arguments and operands of what they compute. Do not submit secrets.
        </p>
      </div>
    </form>
  )
}

function firstDraft(): Draft {
  const op = ALL_OPS[0]
  return op === undefined ? { contract: 1 } : newDraft(op)
}

function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}

/** Focuses the control of a path such as `args.volatility`, or of the nearest part of the contract around it. */
function focusField(form: HTMLElement | null, path: string): void {
  for (let part = path; part !== ''; part = part.replace(/(\.|^)[^.[]+$|\[\d+\]$/, '')) {
    const control = form?.querySelector<HTMLElement>(`[data-path="${CSS.escape(part)}"]`)
    if (control) {
      control.focus()
      control.scrollIntoView({ block: 'center' })
      return
    }
  }
}
