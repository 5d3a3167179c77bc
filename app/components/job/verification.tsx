import type { JobView, ProgressView } from '../../../kernel/api.ts'
import { verifySchema } from '../../../kernel/contract.ts'
import type { LeafRange } from '../../../kernel/ops/op.ts'
import { type JobBound, jobBound } from '../../../kernel/verification/job-bound.ts'
import { formatCount, formatNumber, formatShare, plural } from '../../data/format.ts'
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
          ...(by_method.algebraic > 0 ? [['Algebraic check', by_method.algebraic] as const] : []),
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

/** What the job's own checks let one say about its result, as far as it has come. */
export function BoundFacts({
  job,
  progress,
}: {
  readonly job: Pick<JobView, 'contract' | 'shard_count' | 'leaf_range'>
  readonly progress: ProgressView
}) {
  const verify = verifySchema.safeParse(job.contract.verify)
  const { single, quorum } = progress.by_method
  const counts = {
    ...progress.checks,
    accepted: progress.accepted,
    copies: progress.copies,
    single,
    agreed: quorum,
  }
  const range = job.leaf_range === null ? undefined : rangeOf(job.leaf_range)
  const bound = verify.success ? jobBound(counts, verify.data, job.shard_count, range) : undefined
  if (bound === undefined) return null
  return (
    <div className="mt-4 border-t border-line pt-4" data-testid="bound">
      <h3 className="mb-2 text-xs font-medium">What may still be wrong</h3>
      <dl className="grid grid-cols-3 gap-3">
        <Reading
          label="Copies a shard"
          value={formatNumber(Math.round(bound.copies_per_shard * 1000) / 1000)}
        />
        <Reading
          label="Audited at random"
          value={formatCount(bound.audits)}
          note={wrongOnes(bound.audits_bad)}
        />
        <Reading label="Modelled error" value={formatShare(bound.modelled_error)} note="of a shard" />
      </dl>
      <p className="mt-3 text-sm text-muted">{boundWords(bound)}</p>
      {progress.checks.canaries === 0 ? null : (
        <p className="mt-2 text-sm text-muted">
          {plural(progress.checks.canaries, 'lease')} of shards whose result was known before, to test the
          agents: {wrongCanaries(progress.checks.canaries_bad)}. The network pays for them.
        </p>
      )}
      {progress.checks.waiting === 0 ? null : (
        <p className="mt-2 text-sm">
          {plural(progress.checks.waiting, 'shard')} {progress.checks.waiting === 1 ? 'waits' : 'wait'} for
          the referee, which works within its share of the hub’s CPU. Nothing is accepted without it.
        </p>
      )}
    </div>
  )
}

function rangeOf({ unit, ...range }: NonNullable<JobView['leaf_range']>): LeafRange {
  return unit === undefined ? range : { ...range, unit }
}

function wrongOnes(bad: number): string {
  return bad === 0 ? 'all right' : `${formatCount(bad)} wrong, replaced`
}

function wrongCanaries(bad: number): string {
  return bad === 0 ? 'all came back right' : `${formatCount(bad)} came back wrong, and ended the agents’ part`
}

function boundWords({ wrong_fraction, result }: JobBound): string {
  if (wrong_fraction === undefined)
    return 'Shards rest on one agent’s word and none was audited: the job states no bound.'
  if (wrong_fraction === 0) return 'Every shard was executed or checked by the hub itself.'
  const shards = `At most ${formatShare(wrong_fraction)} of the shards are wrong, with 95 % confidence where the audits speak and as modelled where owners agree.`
  return result === undefined
    ? shards
    : `${shards} Leaves pass invariants, so that this moves ${result.figure} by at most ${formatNumber(result.at_most)}${result.unit === undefined ? '' : ` ${result.unit}`}.`
}

export function verificationSummary(progress: ProgressView): string {
  const { quorum, referee, single, algebraic } = progress.by_method
  const parts = [
    ...(quorum > 0 ? [`${plural(quorum, 'shard')} by agreement of distinct owners`] : []),
    ...(referee > 0 ? [`${plural(referee, 'shard')} with the referee’s copy`] : []),
    ...(algebraic > 0 ? [`${plural(algebraic, 'shard')} by an algebraic check`] : []),
    ...(single > 0 ? [`${plural(single, 'shard')} on one copy alone`] : []),
  ]
  return parts.length === 0 ? 'No shard is accepted yet.' : `Accepted: ${parts.join(', ')}.`
}
