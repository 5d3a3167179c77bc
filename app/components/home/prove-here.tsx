'use client'

import { Equal, EqualNot } from 'lucide-react'
import { useState } from 'react'
import type { Proof, ProofPair, ProofRun } from '../../../agent-runtime/prove.ts'
import type { ForgeErrorJson } from '../../../kernel/errors.ts'
import { agentStore } from '../../data/agent.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { formatCount, formatDuration } from '../../data/format.ts'
import { DigestStrip } from '../digest.tsx'
import { Failure } from '../failure.tsx'
import { Button } from '../ui/button.tsx'
import { Callout } from '../ui/callout.tsx'
import { cn } from '../ui/class-names.ts'
import { Panel } from '../ui/panel.tsx'

type State =
  | { readonly t: 'idle' }
  | { readonly t: 'running' }
  | { readonly t: 'done'; readonly proof: Proof }
  | { readonly t: 'failed'; readonly error: ForgeErrorJson }

/** The claim of the page, tried out on the visitor's own device. */
export function ProveHere() {
  const [state, setState] = useState<State>({ t: 'idle' })
  const run = async () => {
    setState({ t: 'running' })
    try {
      setState({ t: 'done', proof: await agentStore.prove() })
    } catch (error) {
      setState({ t: 'failed', error: forgeErrorOf(error) })
    }
  }
  const proof = state.t === 'done' ? state.proof : undefined
  return (
    <Panel
      id="prove"
      title="One shard, two processors"
      bodyClassName="p-0"
      aside="runs in this tab, sends nothing"
    >
      <div className="p-4">
        <p className="text-sm text-muted">
          {proof === undefined
            ? 'This tab prices an option on 65,536 simulated paths, once on your graphics device and once on your CPU, and compares the SHA-256 of the two results.'
            : `${proof.op}, ${formatCount(proof.paths)} simulated paths, exact integer arithmetic.`}
        </p>
        <Pair pair={proof?.exact} running={state.t === 'running'} />
      </div>
      {proof === undefined ? null : (
        <div className="border-t border-line p-4">
          <p className="text-sm font-semibold">The same model in ordinary floating point</p>
          {proof.float.webgpu.ok ? (
            <Pair pair={proof.float} running={false} />
          ) : (
            <Row name="CPU" run={proof.float.cpu} running={false} />
          )}
          <p className="mt-3 text-sm text-muted">{floatWords(proof)}</p>
        </div>
      )}
      <div className="flex flex-wrap items-center gap-x-4 gap-y-3 border-t border-line bg-sunken p-4">
        <Button
          tone={proof === undefined ? 'primary' : 'plain'}
          size={proof === undefined ? 'large' : 'normal'}
          disabled={state.t === 'running'}
          onClick={() => void run()}
        >
          {state.t === 'running' ? 'Computing…' : proof === undefined ? 'Prove it here' : 'Run it again'}
        </Button>
        <p role="status" className="min-w-0 flex-1 basis-56 text-sm">
          {statusWords(state)}
        </p>
      </div>
      {state.t === 'failed' ? (
        <div className="border-t border-line p-4">
          <Failure title="The proof could not run" error={state.error} />
        </div>
      ) : null}
    </Panel>
  )
}

function Pair({ pair, running }: { readonly pair: ProofPair | undefined; readonly running: boolean }) {
  const equal = pair?.equal
  return (
    <div className="mt-3">
      <Row name="WebGPU" run={pair?.webgpu} running={running} />
      <div
        className={cn(
          'my-1 flex items-center gap-2 text-sm font-medium',
          equal === true && 'text-ok',
          equal === false && 'text-bad',
          equal === undefined && 'text-muted',
        )}
      >
        <span aria-hidden className="h-px w-4 bg-current opacity-40" />
        {equal === undefined ? null : equal ? (
          <Equal aria-hidden className="size-4" />
        ) : (
          <EqualNot aria-hidden className="size-4" />
        )}
        {equal === undefined
          ? pair === undefined
            ? 'compared with'
            : 'no second result to compare'
          : equal
            ? 'identical, all 32 bytes'
            : 'different'}
        <span aria-hidden className="h-px flex-1 bg-current opacity-40" />
      </div>
      <Row name="CPU" run={pair?.cpu} running={running} />
    </div>
  )
}

/** The digest with each byte below its bar; in two lines where 32 columns do not fit. */
function Bytes({ hex }: { readonly hex: string }) {
  return (
    <p>
      <span className="sr-only">{hex}</span>
      <span
        aria-hidden
        className="num mt-1 grid grid-cols-16 text-[0.6875rem] leading-4 tracking-tighter sm:grid-cols-32"
      >
        {(hex.match(/../g) ?? []).map((byte, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a byte is its position
          <span key={index}>{byte}</span>
        ))}
      </span>
    </p>
  )
}

function Row({
  name,
  run,
  running,
}: {
  readonly name: string
  readonly run: ProofRun | undefined
  readonly running: boolean
}) {
  if (run !== undefined && !run.ok) {
    return (
      <Callout tone="warn" title={`${name} did not run`}>
        {run.reason}
      </Callout>
    )
  }
  return (
    <div>
      <p className="flex items-baseline justify-between gap-3 text-xs">
        <span className="min-w-0 truncate">
          <span className="font-medium">{name}</span>
          {run === undefined || run.label === name ? null : <span className="text-muted"> {run.label}</span>}
        </span>
        {run === undefined ? null : <span className="num shrink-0 text-muted">{formatDuration(run.ms)}</span>}
      </p>
      {run === undefined ? (
        <div
          aria-hidden
          className={cn(
            'mt-1 h-[4.25rem] rounded-sm border border-dashed border-line sm:h-[3.5rem]',
            running && 'working bg-sunken',
          )}
        />
      ) : (
        <div className="digest-reveal mt-1">
          <DigestStrip hex={run.digest} />
          <Bytes hex={run.digest} />
        </div>
      )}
    </div>
  )
}

function statusWords(state: State): string {
  switch (state.t) {
    case 'idle':
      return 'Takes a few seconds and needs no account.'
    case 'running':
      return 'Compiling the kernels and running both.'
    case 'failed':
      return ''
    case 'done': {
      const { exact } = state.proof
      if (exact.equal === true)
        return 'Two processors, one result. That is what lets strangers check each other.'
      if (exact.equal === false) {
        return 'The two differ: this device computes wrongly. Its agent would be refused by the same test.'
      }
      return exact.cpu.ok
        ? 'Only the CPU ran here. Any other device gives this same digest; open this page in a browser with WebGPU to see it.'
        : 'Nothing could be computed in this browser.'
    }
    default:
      return state satisfies never
  }
}

function floatWords({ float, float_paths }: Proof): string {
  const why =
    'Each graphics driver may round, fuse and reorder floating-point operations as it likes, so float results differ between devices and prove nothing by their hash.'
  if (float.equal === true) {
    return `On this device the ${formatCount(float_paths)} float payoffs happen to agree; nothing promises it. ${why}`
  }
  if (float.equal === false) return `${formatCount(float_paths)} payoffs from the same random numbers. ${why}`
  return why
}
