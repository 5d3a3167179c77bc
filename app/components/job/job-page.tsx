'use client'

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import Link from 'next/link'
import { useEffect, useMemo, useState } from 'react'
import { toast } from 'sonner'
import type { JobRoom, JobState, JobView } from '../../../kernel/api.ts'
import type { ChartSpec } from '../../../kernel/ops/op.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import {
  formatCount,
  formatCpuTime,
  formatDate,
  formatDuration,
  formatPercent,
  plural,
} from '../../data/format.ts'
import { useLiveRoom } from '../../data/live-room.ts'
import { usePerson } from '../../data/person.tsx'
import { promiseOf } from '../../data/promises.ts'
import { isFinal, jobRoom } from '../../data/rooms.ts'
import { useTRPC } from '../../data/trpc.tsx'
import type { Job } from '../../data/views.ts'
import { Chart } from '../charts/chart.tsx'
import { DigestRow } from '../digest.tsx'
import { Failure } from '../failure.tsx'
import { JOB_STATE_TEXT, JobStateBadge } from '../job-state.tsx'
import { LiveLamp, OfflineBanner } from '../offline-banner.tsx'
import { Button, buttonStyles } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { Panel, Reading } from '../ui/panel.tsx'
import { Progress } from '../ui/progress.tsx'
import { CheckHere } from './check-here.tsx'
import { CostPanel } from './cost-panel.tsx'
import { awaitsRecord, EvidencePanel } from './evidence-panel.tsx'
import { GuestNote } from './guest-note.tsx'
import { CorrectionNote, ReplayNote } from './record-notes.tsx'
import { ResultPanels } from './result.tsx'
import { ShardGrid } from './shard-grid.tsx'
import { SharingPanel } from './sharing.tsx'
import { PauseJob, PriorityChoice, WaitingNote } from './steering.tsx'
import { hasTarget, LooksPanel } from './stopping.tsx'
import { BoundFacts, VerificationFacts, verificationSummary } from './verification.tsx'

/** While the live room does not answer, the page asks the API this often. */
const POLL_MS = 3_000
const Z_95 = 1.96

/** One job, from its submission to its result, live. */
export function JobPage({ initial }: { readonly initial: Job }) {
  const { id } = initial
  const person = usePerson()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const options = trpc.jobs.get.queryOptions({ id })
  const [roomWanted, setRoomWanted] = useState(!isFinal(initial.state))
  const live = useLiveRoom<JobRoom>(roomWanted ? `job:${id}` : undefined, 'job', jobRoom)
  const { data: job } = useQuery({
    ...options,
    initialData: initial,
    refetchInterval: ({ state: { data = initial } }) => {
      if (isFinal(data.state)) return awaitsRecord(data, Date.now()) ? POLL_MS : false
      return live.status === 'live' ? false : POLL_MS
    },
  })

  const roomState = live.data?.state
  const ended = isFinal(job.state)
  useEffect(() => {
    // The room says that the job ended; the result itself comes from the database.
    if (roomState !== undefined && isFinal(roomState) && !ended) void queries.invalidateQueries(options)
  }, [roomState, ended, queries, options])
  useEffect(() => {
    if (ended) setRoomWanted(false)
  }, [ended])

  const room = ended ? undefined : live.data
  const state = room?.state ?? job.state
  const progress = room?.progress ?? job.progress
  const grid = gridOf(job, live.data)

  return (
    <div>
      {roomWanted ? <OfflineBanner status={live.status} /> : null}
      <GuestNote job={job} />
      <header className="flex flex-wrap items-start justify-between gap-4">
        <div className="min-w-0">
          <p className="num text-sm text-muted">{job.op}</p>
          <h1 className="mt-1 text-2xl font-semibold tracking-tight break-words sm:text-3xl">{job.title}</h1>
          <p className="num mt-1 flex items-center gap-1 text-xs break-all text-muted">
            {job.id}
            <CopyButton text={job.id} what="job id" />
          </p>
        </div>
        <div className="flex flex-wrap items-center gap-2">
          <Link href={`/submit?from=${job.id}`} className={buttonStyles()}>
            Use as template
          </Link>
          {isFinal(state) || !job.own ? null : (
            <PauseJob job={job} onChanged={() => void queries.invalidateQueries(options)} />
          )}
          {isFinal(state) || !job.own ? null : (
            <CancelJob id={job.id} onCancelled={() => void queries.invalidateQueries(options)} />
          )}
        </div>
      </header>

      <CorrectionNote job={job} />
      <ReplayNote job={job} />

      <Panel
        id="progress"
        title="Progress"
        className="mt-6"
        aside={roomWanted ? <LiveLamp status={live.status} /> : undefined}
      >
        <JobProgress job={job} state={state} accepted={progress.accepted} />
        {ended ? null : <WaitingNote waiting={room === undefined ? job.waiting : (room.waiting ?? null)} />}
        {isFinal(state) || !job.own ? null : (
          <PriorityChoice job={job} onChanged={() => void queries.invalidateQueries(options)} />
        )}
      </Panel>

      {job.failure === null ? null : (
        <Failure className="mt-6" title="This job failed" error={withoutUndefined(job.failure)} />
      )}

      <div className="mt-6 grid gap-6 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <div className="min-w-0 space-y-6">
          {job.summary === null ? (
            <Estimates room={live.data} ended={ended} />
          ) : (
            <ResultPanels job={job} summary={job.summary} />
          )}
          {job.summary === null && live.data?.stopping !== undefined ? (
            <LooksPanel room={live.data} stopping={live.data.stopping} />
          ) : null}
          {job.state === 'settled' ? <CheckHere job={job} /> : null}
          {grid === undefined ? null : (
            <Panel id="shards" title="Shards">
              <ShardGrid grid={grid} shardCount={job.shard_count} />
            </Panel>
          )}
        </div>
        <div className="min-w-0 space-y-6">
          <Panel id="verification" title="Verification">
            <p className="text-sm">{promiseOf(job.contract.verify, job.shard_count)}</p>
            <p className="mt-2 text-sm text-muted">{verificationSummary(progress)}</p>
            <div className="mt-4 border-t border-line pt-4">
              <VerificationFacts progress={progress} />
            </div>
            <BoundFacts job={job} progress={progress} />
          </Panel>
          {job.own && person?.kind === 'user' ? (
            <SharingPanel job={job} onChanged={() => void queries.invalidateQueries(options)} />
          ) : null}
          {job.cost === null ? null : <CostPanel cost={job.cost} ended={ended} />}
          {job.state === 'settled' ? <EvidencePanel job={job} /> : null}
          <Panel id="digests" title="Digests" bodyClassName="space-y-4">
            {job.result_digest === null ? null : <DigestRow label="Result digest" hex={job.result_digest} />}
            <DigestRow
              label="Replay key"
              hex={job.replay_key}
              help="Everything that determines the result. The same replay key gives the same bytes, for ever."
            />
            <DigestRow label="Contract hash" hex={job.contract_hash} />
            <DigestRow label="Plan digest" hex={job.plan_digest} />
          </Panel>
          <ContractPanel contract={job.contract} />
        </div>
      </div>
    </div>
  )
}

function JobProgress({
  job,
  state,
  accepted,
}: {
  readonly job: JobView
  readonly state: JobState
  readonly accepted: number
}) {
  const isMaximum = job.covered_shards === null && hasTarget(job)
  const total = job.covered_shards ?? job.shard_count
  const text = `${formatCount(accepted)} of ${isMaximum ? 'at most ' : ''}${plural(total, 'shard')} accepted`
  const seconds =
    job.started_at !== null && job.finished_at !== null
      ? Date.parse(job.finished_at) - Date.parse(job.started_at)
      : undefined
  return (
    <div>
      <div className="mb-3 flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
          <JobStateBadge state={state} />
          <span className="text-muted">{JOB_STATE_TEXT[state].says}</span>
        </p>
        <p className="num text-sm">
          {text} <span className="text-muted">({formatPercent(accepted, total)})</span>
        </p>
      </div>
      <Progress
        label="Shards accepted"
        value={accepted}
        max={total}
        text={text}
        tone={state === 'settled' ? 'ok' : state === 'failed' ? 'bad' : 'accent'}
      />
      <Announcer state={state} accepted={accepted} shardCount={total} />
      <dl className="mt-4 grid grid-cols-2 gap-4 sm:grid-cols-4">
        <Reading label="Submitted" value={<Time iso={job.created_at} />} />
        <Reading label="Started" value={<Time iso={job.started_at} />} />
        <Reading
          label="Finished"
          value={<Time iso={job.finished_at} />}
          note={seconds === undefined ? undefined : `took ${formatDuration(seconds)}`}
        />
        <Reading
          label="Work"
          value={formatCount(job.work_units)}
          unit="work units"
          note={`about ${formatCpuTime(job.work_units)} of one CPU core a copy`}
        />
      </dl>
    </div>
  )
}

function Time({ iso }: { readonly iso: string | null }) {
  return iso === null ? (
    <span className="text-sm text-muted">not yet</span>
  ) : (
    <time dateTime={iso} className="text-sm">
      {formatDate(iso)}
    </time>
  )
}

/** Tells a screen reader about each change of state and each tenth of the way, not about every shard. */
function Announcer({
  state,
  accepted,
  shardCount,
}: {
  readonly state: JobState
  readonly accepted: number
  readonly shardCount: number
}) {
  const tenths = Math.floor((10 * accepted) / Math.max(1, shardCount))
  return (
    <p role="status" className="sr-only">
      {JOB_STATE_TEXT[state].label}, {tenths * 10} % of the shards accepted
    </p>
  )
}

function Estimates({ room, ended }: { readonly room: JobRoom | undefined; readonly ended: boolean }) {
  const estimates = room?.estimates
  const spec = useMemo<Extract<ChartSpec, { kind: 'band' }> | undefined>(() => {
    if (estimates === undefined || estimates.length === 0) return undefined
    return {
      kind: 'band',
      title: 'Estimate so far',
      x: { label: 'Accepted shards' },
      y: { label: 'Estimate' },
      points: estimates.map(({ shards, value, standard_error }) => ({
        x: shards,
        y: value,
        low: value - Z_95 * standard_error,
        high: value + Z_95 * standard_error,
      })),
    }
  }, [estimates])
  return (
    <Panel
      id="estimate"
      title={!ended ? 'Estimate so far' : spec === undefined ? 'Result' : 'Estimate when it ended'}
    >
      {spec === undefined ? (
        <p className="text-sm text-muted">
          The result, and for probabilistic ops a running estimate, appears here.
        </p>
      ) : (
        <>
          <Chart spec={spec} />
          <p className="mt-2 text-xs text-muted">
            Shards fold in the order in which they are accepted, so this curve differs between runs; the final
            result does not.
          </p>
        </>
      )}
    </Panel>
  )
}

function ContractPanel({ contract }: { readonly contract: JobView['contract'] }) {
  const text = JSON.stringify(contract, null, 2)
  return (
    <Panel
      id="contract"
      title="Contract"
      aside={<CopyButton text={text} what="contract" label="Copy" />}
      bodyClassName="p-0"
    >
      <section
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        tabIndex={0}
        aria-label="Contract as JSON"
        className="max-h-96 overflow-auto p-4"
      >
        <pre className="text-xs leading-5">{text}</pre>
      </section>
    </Panel>
  )
}

function CancelJob({ id, onCancelled }: { readonly id: string; readonly onCancelled: () => void }) {
  const trpc = useTRPC()
  const [asking, setAsking] = useState(false)
  const cancel = useMutation(
    trpc.jobs.cancel.mutationOptions({
      onSuccess: ({ state }) => {
        toast.success(state === 'cancelled' ? 'The job is cancelled.' : `The job is ${state} already.`)
        onCancelled()
      },
      onError: (error) => {
        const { message, hint } = forgeErrorOf(error)
        toast.error(`Not cancelled: ${message}`, hint === undefined ? {} : { description: hint })
      },
      onSettled: () => setAsking(false),
    }),
  )
  return (
    <>
      <Button tone="danger" onClick={() => setAsking(true)}>
        Cancel job
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title="Cancel this job?"
        confirm={cancel.isPending ? 'Cancelling…' : 'Cancel the job'}
        dismiss="Keep it running"
        busy={cancel.isPending}
        onConfirm={() => cancel.mutate({ id })}
      >
        Agents stop after their current dispatch. Shards accepted so far are kept, but the job gives no
        result, and a cancelled job cannot be resumed.
      </Confirm>
    </>
  )
}

/** The room's grid while the job runs; of a settled job it is known without asking, of another ended one nobody knows. */
function gridOf(job: JobView, room: JobRoom | undefined): JobRoom['grid'] | undefined {
  if (job.state !== 'settled') return isFinal(job.state) ? undefined : room?.grid
  const perCell = Math.ceil(job.shard_count / 1024)
  const cells = Math.ceil(job.shard_count / perCell)
  const accepted = Math.ceil((job.covered_shards ?? job.shard_count) / perCell)
  return { shards_per_cell: perCell, cells: 'a'.repeat(accepted) + '.'.repeat(cells - accepted) }
}

function withoutUndefined({ code, message, retryable, hint, path }: NonNullable<JobView['failure']>) {
  return {
    code,
    message,
    retryable,
    ...(hint === undefined ? {} : { hint }),
    ...(path === undefined ? {} : { path }),
  }
}
