'use client'

import { useEffect, useRef, useState } from 'react'
import type { ReexecutedShard, Reexecution } from '../../../agent-runtime/reexecute.ts'
import { reexecuteHere } from '../../../agent-runtime/reexecute-client.ts'
import type { EvidenceVerifier } from '../../../agent-runtime/verify-client.ts'
import type { ForgeErrorJson } from '../../../kernel/errors.ts'
import { drawShards } from '../../data/draw-shards.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { formatCount, plural } from '../../data/format.ts'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { Callout } from '../ui/callout.tsx'
import { Panel } from '../ui/panel.tsx'
import { Progress } from '../ui/progress.tsx'

const SHARDS = 10

interface State {
  readonly stage: 'idle' | 'running' | 'done' | 'stopped'
  readonly wanted: number
  readonly shards: readonly ReexecutedShard[]
  readonly outcome?: Reexecution
  readonly error?: ForgeErrorJson
}

const IDLE: State = { stage: 'idle', wanted: 0, shards: [] }

/** Executes shards of the verified file in this tab. @param accepted shards that the result covers */
export function ReplayPanel({
  verifier,
  accepted,
}: {
  readonly verifier: EvidenceVerifier
  readonly accepted: number
}) {
  const [state, setState] = useState<State>(IDLE)
  const abort = useRef<AbortController | undefined>(undefined)
  useEffect(() => () => abort.current?.abort(), [])
  const run = async () => {
    const controller = new AbortController()
    abort.current = controller
    const drawn = drawShards(accepted, SHARDS)
    setState({ ...IDLE, stage: 'running', wanted: drawn.length })
    try {
      const outcome = await reexecuteHere(
        await verifier.reexecution(drawn),
        (event) => {
          if (event.t === 'shard') setState((now) => ({ ...now, shards: [...now.shards, event] }))
        },
        controller.signal,
      )
      setState((now) => ({ ...now, stage: 'done', outcome }))
    } catch (thrown) {
      const error = forgeErrorOf(thrown)
      setState((now) => ({ ...now, stage: 'stopped', ...(controller.signal.aborted ? {} : { error }) }))
    }
  }
  const { stage, wanted, shards, outcome, error } = state
  const different = shards.filter(({ equal }) => !equal).map(({ shard }) => shard)
  const isWrong = different.length > 0 || outcome?.whole?.equal === false
  return (
    <Panel id="replay" title="Execute some shards here" aside="runs in this tab" bodyClassName="space-y-4">
      <p className="text-sm text-muted">
        This tab draws {Math.min(SHARDS, accepted)} of {plural(accepted, 'shard')}, executes them on your
        device and compares their SHA-256 with those in the file. Inputs of a contract, if it has any, are
        fetched from this site and checked.
      </p>
      {stage === 'idle' ? null : (
        <Progress
          label="Shards executed here"
          value={shards.length}
          max={wanted}
          text={`${shards.length} of ${plural(wanted, 'shard')} executed`}
          tone={isWrong ? 'bad' : stage === 'done' ? 'ok' : 'accent'}
        />
      )}
      {stage === 'running' ? (
        <Button onClick={() => abort.current?.abort()}>Stop</Button>
      ) : (
        <Button tone={stage === 'idle' ? 'primary' : 'plain'} onClick={() => void run()}>
          {stage === 'idle' ? `Execute ${plural(Math.min(SHARDS, accepted), 'shard')}` : 'Draw again'}
        </Button>
      )}
      {error === undefined ? null : <Failure title="The shards could not be executed" error={error} />}
      {stage !== 'done' ? null : isWrong ? (
        <Callout tone="bad" title="Not the same" role="status">
          {different.length > 0
            ? `Different: ${different.map(formatCount).join(', ')}.`
            : 'The shards fold into another result.'}{' '}
          Either the file is wrong or this device computes wrongly: try another one.
        </Callout>
      ) : (
        <Callout tone="ok" role="status" title={`All ${shards.length} are identical`}>
          {outcome?.whole === undefined
            ? 'What the file says of these shards is what your own device computes.'
            : 'These are all shards, and folded they give the result of the file.'}
        </Callout>
      )}
    </Panel>
  )
}
