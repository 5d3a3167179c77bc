import type { PreparedJob } from '../../../kernel/job.ts'
import { formatBytes, formatCount, formatCpuTime, plural } from '../../data/format.ts'
import { DigestRow } from '../digest.tsx'
import { Failure } from '../failure.tsx'
import { Panel, Reading } from '../ui/panel.tsx'
import type { Check } from './draft.ts'

/** What the contract will cost and what it will be called, before anything is sent. */
export function QuotePanel({ check, attempted }: { readonly check: Check; readonly attempted: boolean }) {
  return (
    <Panel id="quote" title="Before you submit" aside="planned in this tab">
      {check.ok ? (
        <Quote job={check.job} />
      ) : attempted ? (
        <Failure title="The contract is not complete" error={check.error} />
      ) : (
        <div className="text-sm">
          <p className="font-medium">No plan yet</p>
          <p className="mt-1 break-words text-muted">{check.error.message}</p>
          {check.error.hint === undefined ? null : (
            <p className="mt-1 break-words text-muted">{check.error.hint}</p>
          )}
          <p className="num mt-2 text-xs break-all text-muted">
            {check.error.code}
            {check.error.path === undefined || check.error.path === '' ? '' : ` at ${check.error.path}`}
          </p>
        </div>
      )}
    </Panel>
  )
}

function Quote({ job }: { readonly job: PreparedJob }) {
  const { plan, contract } = job
  const copies = contract.verify.mode === 'quorum' ? contract.verify.k : 1
  const leafBytes = plan.leaf.max_bytes
  return (
    <>
      <dl className="grid grid-cols-2 gap-4">
        <Reading label="Shards" value={formatCount(plan.shard_count)} />
        <Reading label="Copies of each" value={formatCount(copies)} />
        <Reading
          label="Cost"
          value={formatCount(plan.work_units * copies)}
          unit="work units"
          note={copies === 1 ? 'one copy' : `${formatCount(plan.work_units)} a copy`}
        />
        <Reading
          label="CPU time"
          value={`≈ ${formatCpuTime(plan.work_units * copies)}`}
          note="of one core, all copies together"
        />
        <Reading
          label={plan.leaf.kind === 'inline' ? 'Shard results' : 'Result'}
          value={`≤ ${formatBytes(plan.leaf.kind === 'inline' ? leafBytes : leafBytes * plan.shard_count)}`}
          note={
            plan.leaf.kind === 'inline'
              ? 'each, folded into one'
              : `${plural(plan.shard_count, 'tile')} stored as blobs`
          }
        />
      </dl>
      <div className="mt-5 border-t border-line pt-4">
        <DigestRow
          label="Replay key"
          hex={job.replayKey}
          help="Known before the run: equal replay keys give equal bytes."
        />
      </div>
    </>
  )
}
