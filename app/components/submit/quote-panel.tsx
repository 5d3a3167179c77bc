'use client'

import { useQuery } from '@tanstack/react-query'
import type { PreparedJob } from '../../../kernel/job.ts'
import { jobPrice } from '../../../kernel/price.ts'
import { formatBytes, formatCount, formatCpuTime, plural } from '../../data/format.ts'
import { usePerson } from '../../data/person.tsx'
import { useTRPC } from '../../data/trpc.tsx'
import { DigestRow } from '../digest.tsx'
import { Failure } from '../failure.tsx'
import { PriceTable } from '../price-table.tsx'
import { Callout } from '../ui/callout.tsx'
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
  const { looks } = plan
  const copies = contract.verify.mode === 'quorum' ? contract.verify.k : 1
  const leafBytes = plan.leaf.max_bytes
  const price = jobPrice(plan, copies)
  return (
    <>
      <dl className="grid grid-cols-2 gap-4">
        <Reading
          label="Shards"
          value={`${looks === undefined ? '' : '≤ '}${formatCount(plan.shard_count)}`}
          note={
            looks === undefined
              ? undefined
              : `stops after ${looks.slice(0, -1).map(formatCount).join(', ') || 'all'} ${looks.length > 1 ? 'or all ' : ''}of them`
          }
        />
        <Reading label="Copies of each" value={formatCount(copies)} />
        <Reading
          label="CPU time"
          value={`${looks === undefined ? '≈' : '≤'} ${formatCpuTime(plan.work_units * copies)}`}
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
        <PriceTable
          caption={
            looks === undefined
              ? 'Price in credits'
              : `At most ${plural(price.credits, 'credit')}; from ${formatCount(price.shard_price * (looks[0] ?? 0) * copies)} if the first look meets the target`
          }
          items={price.items}
          total={price.credits}
        />
        <Affordable credits={price.credits} />
      </div>
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

/** The price against what the account has; a visitor has no account yet. */
function Affordable({ credits }: { readonly credits: number }) {
  const trpc = useTRPC()
  const isUser = usePerson()?.kind === 'user'
  const balance = useQuery({ ...trpc.credits.balance.queryOptions(), enabled: isUser })
  const available = balance.data?.available
  if (!isUser || available === undefined) {
    return (
      <p className="mt-3 text-xs text-muted">
        Held at submission; what is not verified is released. A new account comes with test credits.
      </p>
    )
  }
  const missing = credits - available
  return missing > 0 ? (
    <Callout tone="warn" title={`${plural(missing, 'credit')} too few`} className="mt-3">
      You have {formatCount(available)} available. Ask for less work or fewer copies; credits are earned by
      your devices.
    </Callout>
  ) : (
    <p className="mt-3 text-xs text-muted">
      Held at submission; what is not verified is released. You have{' '}
      <span className="num text-ink">{formatCount(available)}</span> available,{' '}
      <span className="num text-ink">{formatCount(available - credits)}</span> afterwards.
    </p>
  )
}
