'use client'

import { Check, X } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import type { ReexecutedShard, Reexecution, ReexecutionEvent } from '../../../agent-runtime/reexecute.ts'
import { reexecuteHere } from '../../../agent-runtime/reexecute-client.ts'
import type { ProofView } from '../../../kernel/api.ts'
import type { ForgeErrorJson } from '../../../kernel/errors.ts'
import { drawShards } from '../../data/draw-shards.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { formatCount, formatDuration, plural } from '../../data/format.ts'
import { useTRPCClient } from '../../data/trpc.tsx'
import type { Job } from '../../data/views.ts'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { Callout } from '../ui/callout.tsx'
import { cn } from '../ui/class-names.ts'
import { Panel } from '../ui/panel.tsx'
import { Progress } from '../ui/progress.tsx'

const SHARDS = 10

type Stage = 'idle' | 'asking' | 'running' | 'done' | 'stopped' | 'failed'

interface State {
  readonly stage: Stage
  readonly proof?: ProofView
  readonly executor?: Extract<ReexecutionEvent, { t: 'executor' }>
  readonly shards: readonly ReexecutedShard[]
  readonly outcome?: Reexecution
  readonly startedAt: number
  readonly elapsedMs: number
  readonly error?: ForgeErrorJson
}

const IDLE: State = { stage: 'idle', shards: [], startedAt: 0, elapsedMs: 0 }

/** Whoever looks at a settled job executes shards of it in his own tab, shards that the tab draws, and compares. */
export function CheckHere({ job }: { readonly job: Job }) {
  const api = useTRPCClient()
  const [state, setState] = useState<State>(IDLE)
  const abort = useRef<AbortController | undefined>(undefined)
  useEffect(() => () => abort.current?.abort(), [])

  const covered = job.covered_shards ?? job.shard_count

  const hear = (event: ReexecutionEvent) =>
    setState((now) => {
      if (event.t === 'executor') return { ...now, executor: event }
      if (event.t === 'operands') return now
      return { ...now, shards: [...now.shards, event], elapsedMs: performance.now() - now.startedAt }
    })

  const run = async () => {
    const controller = new AbortController()
    abort.current = controller
    setState({ ...IDLE, stage: 'asking', startedAt: performance.now() })
    try {
      const shards = drawShards(covered, SHARDS)
      const proof = await api.jobs.proof.query({ id: job.id, shards }, { signal: controller.signal })
      setState((now) => ({ ...now, stage: 'running', proof }))
      // What the page shows is what is checked: the hashes above, not those that came with the proof.
      const request = {
        canonical: proof.canonical,
        contract_hash: job.contract_hash,
        plan_digest: job.plan_digest,
        result_digest: job.result_digest ?? proof.result_digest,
        result_shards: covered,
        shards: proof.shards,
      }
      const outcome = await reexecuteHere(request, hear, controller.signal)
      setState((now) => ({ ...now, stage: 'done', outcome, elapsedMs: performance.now() - now.startedAt }))
    } catch (thrown) {
      const error = forgeErrorOf(thrown)
      setState((now) =>
        controller.signal.aborted ? { ...now, stage: 'stopped' } : { ...now, stage: 'failed', error },
      )
    }
  }

  const { stage, proof, executor, shards } = state
  const busy = stage === 'asking' || stage === 'running'
  const count = Math.min(SHARDS, covered)
  return (
    <Panel id="check" title="Check this result yourself" aside="runs in this tab" bodyClassName="p-0">
      <div className="space-y-4 p-4">
        <p className="text-sm text-muted">
          This tab draws{' '}
          {count === covered ? `all ${plural(count, 'shard')}` : `${count} of ${formatCount(covered)} shards`}{' '}
          at random, executes them again on your own device and compares the SHA-256 of each with the one the
          network accepted. It needs no account and sends no result.
        </p>
        {proof === undefined ? null : (
          <>
            <Progress
              label="Shards executed again"
              value={shards.length}
              max={proof.shards.length}
              text={`${shards.length} of ${plural(proof.shards.length, 'shard')} executed again`}
              tone={shards.some(({ equal }) => !equal) ? 'bad' : stage === 'done' ? 'ok' : 'accent'}
            />
            <p className="text-xs text-muted">
              {executor === undefined
                ? 'Fetching operands and testing this device on known answers.'
                : `Executed by ${executorWords(executor)}`}
            </p>
          </>
        )}
      </div>
      {proof === undefined ? null : (
        <ol className="divide-y divide-line border-t border-line" aria-label="Shards executed again">
          {proof.shards.map((accepted) => (
            <ShardRow
              key={accepted.shard}
              accepted={accepted}
              here={shards.find(({ shard }) => shard === accepted.shard)}
              waiting={busy}
            />
          ))}
        </ol>
      )}
      <div className="flex flex-wrap items-center gap-x-4 gap-y-3 border-t border-line bg-sunken p-4">
        {busy ? (
          <Button onClick={() => abort.current?.abort()}>Stop</Button>
        ) : (
          <Button tone={stage === 'idle' ? 'primary' : 'plain'} onClick={() => void run()}>
            {stage === 'idle' ? `Execute ${plural(count, 'shard')} here` : 'Draw again'}
          </Button>
        )}
        <p role="status" className="min-w-0 flex-1 basis-56 text-sm">
          {statusWords(state)}
        </p>
      </div>
      {stage === 'done' ? <Verdict state={state} shardCount={covered} /> : null}
      {stage === 'failed' && state.error !== undefined ? (
        <div className="border-t border-line p-4">
          <Failure title="The check could not be finished" error={state.error} />
        </div>
      ) : null}
    </Panel>
  )
}

const EXECUTORS = { webgpu: 'WebGPU', wasm: 'WASM', cpu: 'CPU' } as const
const METHODS = {
  quorum: 'agreement of distinct owners',
  referee: 'the referee',
  single: 'one copy alone',
} as const

function ShardRow({
  accepted,
  here,
  waiting,
}: {
  readonly accepted: ProofView['shards'][number]
  readonly here: ReexecutedShard | undefined
  readonly waiting: boolean
}) {
  const kinds = [...new Set(accepted.executors)].map((kind) => EXECUTORS[kind]).join(' and ')
  return (
    <li className="px-4 py-3">
      <p className="flex flex-wrap items-baseline justify-between gap-x-3 gap-y-1 text-sm">
        <span>
          <span className="font-medium">
            Shard <span className="num">{formatCount(accepted.shard)}</span>
          </span>
          <span className="text-xs text-muted">
            {' '}
            accepted by {METHODS[accepted.method]}
            {kinds === '' ? '' : `, computed on ${kinds}`}
          </span>
        </span>
        <Mark here={here} waiting={waiting} />
      </p>
      <dl className="mt-1 grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 text-xs leading-5">
        <dt className="text-muted">stored</dt>
        <dd className="num break-all">{accepted.digest}</dd>
        <dt className="text-muted">here</dt>
        <dd className={cn('num break-all', here?.equal === false && 'text-bad')}>{here?.digest ?? '…'}</dd>
      </dl>
    </li>
  )
}

function Mark({ here, waiting }: { readonly here: ReexecutedShard | undefined; readonly waiting: boolean }) {
  if (here === undefined) {
    return (
      <span className={cn('text-xs text-muted', waiting && 'working')}>
        {waiting ? 'waiting' : 'not executed'}
      </span>
    )
  }
  const Icon = here.equal ? Check : X
  return (
    <span
      className={cn(
        'inline-flex items-center gap-1 text-xs font-medium',
        here.equal ? 'text-ok' : 'text-bad',
      )}
    >
      <Icon aria-hidden className="size-4" />
      {here.equal ? 'identical' : 'different'}
      <span className="num font-normal text-muted">{formatDuration(here.ms)}</span>
    </span>
  )
}

/** What was seen, and what may be concluded from it: no more. */
function Verdict({ state, shardCount }: { readonly state: State; readonly shardCount: number }) {
  const { shards, outcome } = state
  const different = shards.filter(({ equal }) => !equal).length
  const whole = outcome?.whole
  if (different > 0 || whole?.equal === false) {
    return (
      <div className="border-t border-line p-4">
        <Callout tone="bad" title="Not the same">
          Either the stored result is wrong or this device computes wrongly. Run the check on another device:
          two devices that agree against the stored digest are evidence.
        </Callout>
      </div>
    )
  }
  return (
    <div className="border-t border-line p-4">
      <Callout
        tone="ok"
        title={whole === undefined ? `All ${shards.length} are identical` : 'The whole result is confirmed'}
      >
        {whole === undefined
          ? `Your device and strangers’ devices gave the same bytes for ${plural(shards.length, 'shard')} that neither they nor the server could foresee. A result with a tenth of its ${formatCount(shardCount)} shards wrong would pass one such draw at most about one time in three; each further draw divides that by three. How the shards were folded into the result is not covered by a draw.`
          : 'Every shard of this job was executed here, and folding them gave the stored result digest: nothing about this result has to be taken on trust.'}
      </Callout>
    </div>
  )
}

function executorWords({ kind, label, note }: Extract<ReexecutionEvent, { t: 'executor' }>): string {
  const name = label === EXECUTORS[kind] ? label : `${EXECUTORS[kind]} (${label})`
  return note === undefined ? `${name}.` : `${name}, because WebGPU is not used: ${note}.`
}

function statusWords({ stage, shards, proof, elapsedMs }: State): string {
  switch (stage) {
    case 'idle':
      return 'Takes some seconds; large shards take longer.'
    case 'asking':
      return 'Asking for the stored digests.'
    case 'running':
      return `${shards.length} of ${proof?.shards.length ?? 0} executed.`
    case 'stopped':
      return `Stopped after ${plural(shards.length, 'shard')}.`
    case 'failed':
      return ''
    case 'done': {
      const equal = shards.filter((shard) => shard.equal).length
      return `${equal} of ${shards.length} identical, in ${formatDuration(elapsedMs)}.`
    }
    default:
      return stage satisfies never
  }
}
