import Link from 'next/link'
import type { JobView } from '../../../kernel/api.ts'
import { formatCount, formatDate, plural } from '../../data/format.ts'
import { Callout } from '../ui/callout.tsx'
import { linkStyles } from '../ui/link-styles.ts'

/** That the job was not executed, and whose record answered it. */
export function ReplayNote({ job: { replay_of } }: { readonly job: JobView }) {
  if (replay_of === null) return null
  return (
    <Callout tone="info" className="mt-6" title="Answered from a record">
      The same replay key gives the same bytes, and the record of job{' '}
      <Link href={`/jobs/${replay_of}`} className={linkStyles}>
        <span className="num break-all">{replay_of}</span>
      </Link>{' '}
      was verified at least as this contract asks. Nothing was executed or charged; figures, shards and
      evidence are that job’s.
    </Callout>
  )
}

/** What the hub has found wrong of the record since. */
export function CorrectionNote({ job: { corrections } }: { readonly job: JobView }) {
  if (corrections.length === 0) return null
  return (
    <Callout tone="bad" className="mt-6" title="This result was withdrawn" role="status">
      <ul className="space-y-1">
        {corrections.map(({ index, shards, corrected_at }) => (
          <li key={index}>
            <time dateTime={corrected_at}>{formatDate(corrected_at)}</time>: the hub executed shards again and
            found {plural(shards, 'shard')} wrong, as entry <span className="num">{formatCount(index)}</span>{' '}
            of the{' '}
            <Link href="/ledger" className={linkStyles}>
              public ledger
            </Link>{' '}
            says. Submit the contract again for a right one.
          </li>
        ))}
      </ul>
    </Callout>
  )
}
