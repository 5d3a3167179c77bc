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
  return (
    <div className="mt-6 grid items-start gap-6 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <div className="min-w-0 space-y-6">
        {error === undefined ? null : <Failure title="The agent did not start" error={error} />}
        {status?.state === 'failed' ? (
          <Callout tone="bad" role="alert" title="Contributing ended">
            {status.reason}
          </Callout>
        ) : null}
        {active ? (
          <AgentConsole status={status} />
        ) : (
          <Panel id="start" title="Start">
            <StartForm starting={starting} onStart={(request) => void agentStore.start(request)} />
          </Panel>
        )}
        {worked ? <EventPanel events={status.events} /> : null}
        <Panel id="consent" title="What you agree to">
          <Consent />
        </Panel>
      </div>
      <div className="min-w-0 space-y-6">
        {status !== undefined && active ? <GovernorPanel settings={status.settings} /> : null}
        <ProbePanel reports={status?.probe ?? []} />
      </div>
    </div>
  )
}
