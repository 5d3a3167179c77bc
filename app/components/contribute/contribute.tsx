'use client'

import { agentStore, useAgent } from '../../data/agent.ts'
import { Failure } from '../failure.tsx'
import { Callout } from '../ui/callout.tsx'
import { Panel } from '../ui/panel.tsx'
import { AgentConsole, EventPanel, GovernorPanel, ProbePanel } from './agent-panels.tsx'
import { Consent } from './consent.tsx'
import { StartForm } from './start-form.tsx'

/** Consent and one button; then the agent's instruments. The agent outlives this page, not its tab. */
export function Contribute() {
  const { status, error, starting } = useAgent()
  const active = status !== undefined && status.state !== 'idle' && status.state !== 'failed'
  const worked = status !== undefined && (status.events.length > 0 || status.probe.length > 0)
  if (status === undefined || !active) {
    return (
      <div className="mt-6 space-y-6">
        {error === undefined ? null : <Failure title="The agent did not start" error={error} />}
        {status?.state === 'failed' ? (
          <Callout tone="bad" role="alert" title="Contributing ended">
            {status.reason}
          </Callout>
        ) : null}
        <div className="grid items-start gap-6 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
          <Panel id="consent" title="What you agree to">
            <Consent />
          </Panel>
          <Panel id="start" title="Start">
            <StartForm starting={starting} onStart={(request) => void agentStore.start(request)} />
          </Panel>
        </div>
        {worked ? (
          <div className="grid items-start gap-6 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
            <EventPanel events={status?.events ?? []} />
            <ProbePanel reports={status?.probe ?? []} />
          </div>
        ) : null}
      </div>
    )
  }
  return (
    // On a phone the columns dissolve: what can be adjusted stands before what can be read.
    <div className="mt-6 grid items-start gap-6 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <div className="contents lg:block lg:space-y-6">
        {error === undefined ? null : (
          <Failure title="The agent did not do this" error={error} className="order-1" />
        )}
        <div className="order-2 min-w-0">
          <AgentConsole status={status} />
        </div>
        <div className="order-4 min-w-0">
          <EventPanel events={status.events} />
        </div>
        <Panel id="consent" title="What you agreed to" className="order-6">
          <Consent />
        </Panel>
      </div>
      <div className="contents lg:block lg:space-y-6">
        <div className="order-3 min-w-0">
          <GovernorPanel settings={status.settings} threadsMax={status.threads_max} />
        </div>
        <div className="order-5 min-w-0">
          <ProbePanel reports={status.probe} />
        </div>
      </div>
    </div>
  )
}
