import type { ProgressView } from '../../../kernel/api.ts'
import { formatCount, plural } from '../../data/format.ts'
import { Reading } from '../ui/panel.tsx'

/** How the accepted shards came to be accepted, and who computed them. */
export function VerificationFacts({ progress }: { readonly progress: ProgressView }) {
  const { by_executor, by_method } = progress
  return (
    <div className="space-y-5">
      <Facts
        title="How shards were accepted"
        facts={[
          ['By quorum', by_method.quorum],
          ['With the referee', by_method.referee],
          ['Single copy', by_method.single],
        ]}
      />
      <Facts
        title="Shards with an accepted copy from"
        facts={[
          ['WebGPU', by_executor.webgpu],
          ['WASM', by_executor.wasm],
          ['CPU', by_executor.cpu],
        ]}
      />
      <Facts
        title="Behind them"
        facts={[
          ['Distinct owners', progress.owners],
          ['Accepted copies', progress.copies],
          ['Shards in flight', progress.in_flight],
        ]}
      />
    </div>
  )
}

function Facts({
  title,
  facts,
}: {
  readonly title: string
  readonly facts: readonly (readonly [string, number])[]
}) {
  return (
    <div>
      <h3 className="mb-2 text-xs font-medium">{title}</h3>
      <dl className="grid grid-cols-3 gap-3">
        {facts.map(([label, count]) => (
          <Reading key={label} label={label} value={formatCount(count)} />
        ))}
      </dl>
    </div>
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
