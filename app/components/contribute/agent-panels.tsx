'use client'

import { Pause, Play, Square } from 'lucide-react'
import { useId } from 'react'
import type { ExecutorReport } from '../../../agent-runtime/select.ts'
import type { AgentEvent, AgentState, AgentStatus } from '../../../agent-runtime/status.ts'
import { agentStore } from '../../data/agent.ts'
import { formatCount, formatRate, plural } from '../../data/format.ts'
import { Badge, type BadgeTone } from '../ui/badge.tsx'
import { Button } from '../ui/button.tsx'
import { cn } from '../ui/class-names.ts'
import { Panel, Reading } from '../ui/panel.tsx'
import { Progress } from '../ui/progress.tsx'

export const AGENT_STATE_TEXT: Readonly<
  Record<AgentState, { label: string; tone: BadgeTone; says: string }>
> = {
  idle: { label: 'Not contributing', tone: 'neutral', says: 'Nothing runs.' },
  probing: {
    label: 'Probing',
    tone: 'info',
    says: 'Checking that this device computes correctly, and how fast.',
  },
  connecting: { label: 'Connecting', tone: 'warn', says: 'Looking for the hub.' },
  running: { label: 'Contributing', tone: 'ok', says: 'Connected to the hub.' },
  paused: { label: 'Paused', tone: 'warn', says: 'Nothing runs until it is resumed.' },
  offline: { label: 'Offline', tone: 'warn', says: 'Waiting for the network.' },
  failed: { label: 'Stopped by an error', tone: 'bad', says: 'It ended by itself.' },
}

const EXECUTOR_NAMES = { webgpu: 'WebGPU', wasm: 'WASM', cpu: 'CPU' } as const
/** A work unit is about one microsecond of one CPU core running the reference. */
const WORK_UNITS_PER_CORE_SECOND = 1e6

export function AgentConsole({ status }: { readonly status: AgentStatus }) {
  const { label, tone, says } = AGENT_STATE_TEXT[status.state]
  const { current } = status
  const cores = status.work_units_per_s / WORK_UNITS_PER_CORE_SECOND
  const paused = status.state === 'paused'
  return (
    <Panel
      id="agent"
      title="This tab’s agent"
      aside={status.owner === null ? undefined : `contributing as ${status.owner}`}
    >
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p role="status" className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1 text-sm">
          <Badge tone={tone}>{label}</Badge>
          <span className="min-w-0 break-words text-muted">{status.reason ?? says}</span>
        </p>
        <div className="flex gap-2">
          {paused ? (
            <Button tone="primary" onClick={() => void agentStore.resume()}>
              <Play aria-hidden />
              Resume
            </Button>
          ) : (
            <Button onClick={() => void agentStore.pause()}>
              <Pause aria-hidden />
              Pause
            </Button>
          )}
          <Button tone="danger" onClick={() => void agentStore.stop()}>
            <Square aria-hidden />
            Stop
          </Button>
        </div>
      </div>
      <div className="mt-4 rounded-sm bg-sunken p-3">
        {current === null ? (
          <p className="text-sm text-muted">
            {status.state === 'running'
              ? 'Waiting for work: no lease at the moment.'
              : 'Nothing is being computed.'}
          </p>
        ) : (
          <>
            <p className="mb-2 flex flex-wrap justify-between gap-x-4 text-sm">
              <span className="num font-medium">{current.op}</span>
              <span className="num text-muted">
                {current.count === 1
                  ? `shard ${formatCount(current.first)}`
                  : `shards ${formatCount(current.first)} to ${formatCount(current.first + current.count - 1)}`}
              </span>
            </p>
            <Progress
              label="Shards of the current lease"
              value={current.done}
              max={current.count}
              text={`${formatCount(current.done)} of ${plural(current.count, 'shard')} done`}
            />
          </>
        )}
      </div>
      <dl className="mt-4 grid grid-cols-2 gap-4 sm:grid-cols-3">
        <Reading
          label="Executor"
          value={status.executor === null ? '–' : EXECUTOR_NAMES[status.executor.kind]}
          note={status.executor === null ? undefined : `${status.executor.label}: ${status.executor.why}`}
        />
        <Reading
          label="Speed"
          value={formatRate(status.shards_per_s)}
          unit="shards/s"
          note={`as much as ${formatRate(cores)} reference cores`}
        />
        <Reading label="Leases returned" value={formatCount(status.leases_returned)} />
        <Reading label="Shards done" value={formatCount(status.shards_done)} />
        <Reading
          label="Shards accepted"
          value={formatCount(status.shards_accepted)}
          note="after another owner’s copy agreed"
        />
      </dl>
    </Panel>
  )
}

const PERCENT = 100
const INTENSITY_MIN_PERCENT = 5

export function GovernorPanel({
  settings,
  threadsMax,
}: {
  readonly settings: AgentStatus['settings']
  readonly threadsMax: number
}) {
  const id = useId()
  const percent = Math.round(settings.intensity * PERCENT)
  return (
    <Panel id="governor" title="How hard it works" bodyClassName="space-y-4">
      <div>
        <div className="flex items-baseline justify-between">
          <label htmlFor={`${id}-intensity`} className="text-sm font-medium">
            Intensity
          </label>
          <output htmlFor={`${id}-intensity`} className="num text-sm">
            {percent} %
          </output>
        </div>
        <input
          id={`${id}-intensity`}
          type="range"
          min={INTENSITY_MIN_PERCENT}
          max={PERCENT}
          step={5}
          value={percent}
          aria-valuetext={`${percent} % of the time`}
          aria-describedby={`${id}-intensity-help`}
          onChange={(event) => void agentStore.configure({ intensity: Number(event.target.value) / PERCENT })}
          className="mt-2 h-6 w-full accent-accent"
        />
        <p id={`${id}-intensity-help`} className="text-xs text-muted">
          Share of the time that is spent computing. Between shards it rests.
        </p>
      </div>
      {threadsMax === 1 ? null : (
        <div>
          <div className="flex items-baseline justify-between">
            <label htmlFor={`${id}-threads`} className="text-sm font-medium">
              CPU threads
            </label>
            <output htmlFor={`${id}-threads`} className="num text-sm">
              {settings.threads} of {threadsMax}
            </output>
          </div>
          <input
            id={`${id}-threads`}
            type="range"
            min={1}
            max={threadsMax}
            step={1}
            value={settings.threads}
            aria-valuetext={plural(settings.threads, 'thread')}
            aria-describedby={`${id}-threads-help`}
            onChange={(event) => void agentStore.configure({ threads: Number(event.target.value) })}
            className="mt-2 h-6 w-full accent-accent"
          />
          <p id={`${id}-threads-help`} className="text-xs text-muted">
            Used where the CPU computes: at most one for each of this device’s cores.
          </p>
        </div>
      )}
      <label className="flex items-start gap-2 text-sm">
        <input
          type="checkbox"
          className="mt-0.5 size-4 accent-accent"
          checked={settings.pause_when_hidden}
          onChange={(event) => void agentStore.configure({ pause_when_hidden: event.target.checked })}
        />
        Rest while this page is in the background
      </label>
      <label className="flex items-start gap-2 text-sm">
        <input
          type="checkbox"
          className="mt-0.5 size-4 accent-accent"
          checked={settings.battery_floor > 0}
          onChange={(event) =>
            void agentStore.configure({ battery_floor: event.target.checked ? DEFAULT_BATTERY_FLOOR : 0 })
          }
        />
        Rest on battery below {DEFAULT_BATTERY_FLOOR * PERCENT} %, where the browser tells the level
      </label>
    </Panel>
  )
}

const DEFAULT_BATTERY_FLOOR = 0.5

export function ProbePanel({ reports }: { readonly reports: readonly ExecutorReport[] }) {
  return (
    <Panel id="probe" title="Probe report">
      {reports.length === 0 ? (
        <p className="text-sm text-muted">The device is probed when contributing starts.</p>
      ) : (
        <ul className="space-y-5">
          {reports.map((report) => (
            <li key={report.kind}>
              <p className="flex flex-wrap items-center gap-2 text-sm">
                <span className="font-medium">{EXECUTOR_NAMES[report.kind]}</span>
                <Badge tone={report.ok ? 'ok' : 'bad'}>{report.ok ? 'computes correctly' : 'not used'}</Badge>
              </p>
              <p className="mt-1 text-xs break-words text-muted">{report.reason ?? report.label}</p>
              {report.families === undefined ? null : (
                <dl className="mt-1 text-xs text-muted">
                  {report.families.map(({ family, op, work_units_per_s }) => (
                    <div key={family} className="flex gap-1">
                      <dt className="num">{op}</dt>
                      <dd className="num">
                        as fast as {formatRate(work_units_per_s / WORK_UNITS_PER_CORE_SECOND)} reference cores
                      </dd>
                    </div>
                  ))}
                </dl>
              )}
              <ul className="mt-2 flex flex-wrap gap-x-3 gap-y-1 text-xs">
                {report.conformance?.checks.map((check) => (
                  <Check key={check.name} ok={check.ok} text={check.name} detail={check.detail} />
                ))}
                {report.golden.map((check) => (
                  <Check
                    key={`${check.op} ${check.expected}`}
                    ok={check.ok}
                    text={`golden shards of ${check.op}`}
                    detail={undefined}
                  />
                ))}
              </ul>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}

function Check({
  ok,
  text,
  detail,
}: {
  readonly ok: boolean
  readonly text: string
  readonly detail: string | undefined
}) {
  return (
    <li className={cn('flex items-baseline gap-1', ok ? 'text-muted' : 'text-bad')}>
      <span aria-hidden>{ok ? '✓' : '✗'}</span>
      <span>
        {text}
        <span className="sr-only">{ok ? ': passed' : ': failed'}</span>
        {detail === undefined ? '' : ` (${detail})`}
      </span>
    </li>
  )
}

const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })

export function EventPanel({ events }: { readonly events: readonly AgentEvent[] }) {
  return (
    <Panel id="events" title="What happened" bodyClassName="p-0">
      {events.length === 0 ? (
        <p className="p-4 text-sm text-muted">Nothing yet.</p>
      ) : (
        <section
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
          tabIndex={0}
          aria-label="Events, newest first"
          className="max-h-80 overflow-y-auto"
        >
          <ol className="divide-y divide-line text-xs">
            {events.toReversed().map((event, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two events may say the same in one millisecond
              <li key={`${event.at}-${events.length - index}`} className="flex gap-3 px-4 py-2">
                <time dateTime={new Date(event.at).toISOString()} className="num shrink-0 text-muted">
                  {time.format(event.at)}
                </time>
                <span
                  className={cn('min-w-0 break-words', event.kind === 'problem' && 'font-medium text-bad')}
                >
                  {event.text}
                </span>
              </li>
            ))}
          </ol>
        </section>
      )}
    </Panel>
  )
}
