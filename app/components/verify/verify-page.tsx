'use client'

import { useEffect, useRef, useState } from 'react'
import { EvidenceVerifier } from '../../../agent-runtime/verify-client.ts'
import type { VerificationView } from '../../../agent-runtime/verify-worker.ts'
import { ForgeError, type ForgeErrorJson } from '../../../kernel/errors.ts'
import type { PinTexts } from '../../../kernel/evidence/pins.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { formatCount, plural } from '../../data/format.ts'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { Callout } from '../ui/callout.tsx'
import { Panel } from '../ui/panel.tsx'
import { ChecklistRows } from './checklist.tsx'
import { NO_PINS, type PinFields, PinsPanel } from './pins-panel.tsx'
import { ReplayPanel } from './replay-panel.tsx'

/** What lies on the table. */
interface Evidence {
  readonly name: string
  readonly file: Blob
}

interface State {
  readonly busy: boolean
  readonly view?: VerificationView
  readonly error?: ForgeErrorJson
}

/** Verifies an evidence file in this tab. @param job whose evidence is fetched from this site when it is asked for */
export function VerifyPage({ job }: { readonly job: string | undefined }) {
  const [evidence, setEvidence] = useState<Evidence>()
  const [pins, setPins] = useState<PinFields>(NO_PINS)
  const [state, setState] = useState<State>({ busy: false })
  const [verifier, setVerifier] = useState<EvidenceVerifier>()
  const current = useRef<EvidenceVerifier | undefined>(undefined)
  useEffect(() => () => current.current?.close(), [])

  const verify = async (subject: Evidence) => {
    setEvidence(subject)
    setState({ busy: true })
    // A verification under way ends with its worker.
    current.current?.close()
    const own = new EvidenceVerifier()
    current.current = own
    setVerifier(own)
    try {
      const view = await own.verify(subject.file, pinTexts(pins))
      if (current.current === own) setState({ busy: false, view })
    } catch (thrown) {
      if (current.current === own) setState({ busy: false, error: forgeErrorOf(thrown) })
    }
  }
  const fetchJob = async (id: string) => {
    setState({ busy: true })
    try {
      await verify({ name: `${id}.forge`, file: await evidenceOf(id) })
    } catch (thrown) {
      setState({ busy: false, error: forgeErrorOf(thrown) })
    }
  }
  const choose = (files: FileList | null) => {
    const [file] = files ?? []
    if (file !== undefined) void verify({ name: file.name, file })
  }

  const { busy, view, error } = state
  const isPinWrong = error?.path !== undefined && error.path in NO_PINS
  return (
    <div>
      <h1 className="text-3xl font-semibold tracking-tight">Verify evidence</h1>
      <p className="mt-2 max-w-2xl text-muted">
        An evidence file says what was asked, what came out and who vouches for it, and proves that the record
        is in the public ledger. It is checked here, in this tab.{' '}
        <strong className="text-ink">Nothing is uploaded.</strong>
      </p>
      <div className="mt-6 grid items-start gap-6 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <div className="min-w-0 space-y-6">
          <Panel id="file" title="Evidence file" bodyClassName="space-y-4">
            <div>
              <label htmlFor="evidence-file" className="mb-2 block text-sm font-medium">
                Choose a .forge file, or drop it here
              </label>
              <input
                id="evidence-file"
                type="file"
                className="w-full min-w-0 rounded-sm border border-dashed border-edge px-4 py-8 text-sm"
                onChange={(event) => choose(event.target.files)}
              />
            </div>
            <div className="flex flex-wrap gap-2 empty:hidden">
              {job === undefined ? null : (
                <Button tone="primary" disabled={busy} onClick={() => void fetchJob(job)}>
                  Fetch and verify this job’s evidence
                </Button>
              )}
              {evidence === undefined ? null : (
                <Button disabled={busy} onClick={() => void verify(evidence)}>
                  Verify again
                </Button>
              )}
            </div>
            <p role="status" className="text-sm break-words">
              {busy ? 'Verifying…' : evidence === undefined ? 'No file yet.' : evidence.name}
            </p>
          </Panel>
          {error === undefined || isPinWrong ? null : (
            <Failure title="The file could not be verified" error={error} />
          )}
          {view === undefined ? null : <Verdict view={view} />}
          {view?.replayable === true && view.record !== undefined && verifier !== undefined ? (
            <ReplayPanel verifier={verifier} accepted={view.record.shards.accepted} />
          ) : null}
        </div>
        <PinsPanel pins={pins} onChange={setPins} wrong={isPinWrong ? error : undefined} />
      </div>
    </div>
  )
}

function Verdict({ view: { verified, checks, record, not_pinned } }: { readonly view: VerificationView }) {
  const skipped = checks.filter(({ state }) => state === 'skipped').length
  const failed = checks.find(({ state }) => state === 'failed')
  return (
    <Panel id="verdict" title="Checks" bodyClassName="p-0">
      <div className="space-y-3 border-b border-line p-4">
        {verified ? (
          <Callout tone="ok" role="status" title="Verified">
            {plural(checks.length - skipped, 'check')} passed
            {skipped === 0 ? '' : `, ${formatCount(skipped)} could not be made`}.
            {not_pinned.length === 0
              ? ' All keys are those that you gave.'
              : ` Not given by you: ${not_pinned.join(', ')}. There the file speaks for itself.`}
          </Callout>
        ) : (
          <Callout tone="bad" role="alert" title="Rejected">
            {failed?.title}: {failed?.detail}.
          </Callout>
        )}
        {record === undefined ? null : (
          <p className="text-sm break-words">
            Job <span className="num">{record.job_id}</span>, {record.op},{' '}
            {plural(record.shards.accepted, 'shard')}, settled {record.settled_at}.
          </p>
        )}
      </div>
      <ChecklistRows checks={checks} />
    </Panel>
  )
}

function pinTexts({ witnesses, ...pins }: PinFields): PinTexts {
  return { ...pins, witnesses: witnesses.split('\n') }
}

async function evidenceOf(id: string): Promise<Blob> {
  const response = await fetch(`/api/v0/jobs/${encodeURIComponent(id)}/evidence`)
  if (!response.ok)
    throw new ForgeError(
      response.status === 409 ? 'CONFLICT' : 'NOT_FOUND',
      'this site has no evidence of that job',
      {
        hint: 'Only a settled job has some, a few seconds later, and only who may see the job may see it.',
      },
    )
  return response.blob()
}
