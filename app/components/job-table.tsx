import Link from 'next/link'
import type { JobListItem } from '../../kernel/api.ts'
import { formatCount, formatDate, formatPercent } from '../data/format.ts'
import { JobStateBadge } from './job-state.tsx'
import { cn } from './ui/class-names.ts'

/** Jobs, newest first: a table on a wide screen, one block a job on a narrow one. */
export function JobTable({
  jobs,
  caption,
  showVisibility = false,
}: {
  readonly jobs: readonly JobListItem[]
  readonly caption: string
  /** Where public and private jobs stand side by side. */
  readonly showVisibility?: boolean
}) {
  return (
    <table className="block w-full text-sm sm:table">
      <caption className="sr-only">{caption}</caption>
      <thead className="sr-only sm:not-sr-only sm:table-header-group">
        <tr className="border-b border-line text-left text-xs text-muted">
          <th scope="col" className="px-4 py-2 font-normal">
            Job
          </th>
          <th scope="col" className="px-4 py-2 font-normal">
            State
          </th>
          <th scope="col" className="px-4 py-2 text-right font-normal">
            Shards accepted
          </th>
          <th scope="col" className="px-4 py-2 font-normal">
            Result
          </th>
          <th scope="col" className="px-4 py-2 font-normal">
            Submitted
          </th>
        </tr>
      </thead>
      <tbody className="block divide-y divide-line sm:table-row-group">
        {jobs.map((job) => (
          <tr
            key={job.id}
            className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-1 px-4 py-3 hover:bg-sunken sm:table-row sm:p-0"
          >
            <td className="min-w-0 sm:px-4 sm:py-2.5">
              <Link
                href={`/jobs/${job.id}`}
                className="num font-medium underline decoration-line decoration-2 underline-offset-4 hover:decoration-accent"
              >
                {job.op}
              </Link>
              <span className="num block text-xs text-muted">
                {job.id.slice(0, 8)}
                {showVisibility ? <span className="font-sans"> · {job.visibility}</span> : null}
              </span>
            </td>
            <td className="justify-self-end sm:px-4 sm:py-2.5">
              <JobStateBadge state={job.state} />
            </td>
            <td className="num sm:px-4 sm:py-2.5 sm:text-right">
              {formatCount(job.accepted)}
              <span className="text-muted"> / {formatCount(job.shard_count)}</span>
              <span className="sr-only"> ({formatPercent(job.accepted, job.shard_count)})</span>
            </td>
            <td
              className={cn(
                'num order-last col-span-2 min-w-0 break-words sm:px-4 sm:py-2.5',
                job.headline === null && 'hidden sm:table-cell',
              )}
            >
              {job.headline ?? <span className="text-muted">–</span>}
            </td>
            <td className="justify-self-end text-right text-xs whitespace-nowrap text-muted sm:px-4 sm:py-2.5 sm:text-left">
              <time dateTime={job.created_at}>{formatDate(job.created_at)}</time>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
