import type { ProgressView } from '../../../server/trpc/views.ts'
import { formatCount, plural } from '../../data/format.ts'
import { Reading } from '../ui/panel.tsx'

/** What the contract asks, as a sentence. `verify` is a contract's `verify` object. */
export function verifyWords(verify: unknown): string {
  const { mode, k } = (verify ?? {}) as { mode?: unknown; k?: unknown }
  if (mode === 'quorum') {
    return `Each shard needs ${typeof k === 'number' ? formatCount(k) : '2'} agreeing copies from distinct owners. The referee, the hub’s own CPU execution, decides disagreements and supplies a copy when no further owner comes.`
  }
  if (mode === 'none')
    return 'Each shard is computed once; nobody checks it. The result is only as trustworthy as the agents.'
  return `Verification mode “${String(mode)}”.`
}

/** How the accepted shards came to be accepted, and who computed them. */
export function VerificationFacts({ progress }: { readonly progress: ProgressView }) {
  const { by_executor, by_method } = progress
  return (
    <dl className="grid grid-cols-2 gap-x-4 gap-y-4 sm:grid-cols-3">
      <Reading label="By quorum" value={formatCount(by_method.quorum)} unit="shards" />
      <Reading label="By referee" value={formatCount(by_method.referee)} unit="shards" />
      <Reading label="Single copy" value={formatCount(by_method.single)} unit="shards" />
      <Reading label="Accepted copies" value={formatCount(progress.copies)} />
      <Reading label="Distinct owners" value={formatCount(progress.owners)} />
      <Reading label="In flight" value={formatCount(progress.in_flight)} unit="shards" />
      <Reading label="Computed on WebGPU" value={formatCount(by_executor.webgpu)} unit="shards" />
      <Reading label="on WASM" value={formatCount(by_executor.wasm)} unit="shards" />
      <Reading label="on CPU" value={formatCount(by_executor.cpu)} unit="shards" />
    </dl>
  )
}

export function verificationSummary(progress: ProgressView): string {
  const { quorum, referee, single } = progress.by_method
  const parts = [
    ...(quorum > 0 ? [`${plural(quorum, 'shard')} by agreement of distinct owners`] : []),
    ...(referee > 0 ? [`${plural(referee, 'shard')} with the referee’s copy`] : []),
    ...(single > 0 ? [`${plural(single, 'shard')} on one copy alone`] : []),
  ]
  return parts.length === 0 ? 'No shard is accepted yet.' : `Accepted: ${parts.join(', ')}.`
}
