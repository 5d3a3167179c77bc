import Link from 'next/link'
import type { StatementLine } from '../../../kernel/api/credits.ts'
import { formatCount, formatDate } from '../../data/format.ts'
import { cn } from '../ui/class-names.ts'
import { linkStyles } from '../ui/link-styles.ts'

const KINDS: Readonly<Record<StatementLine['kind'], string>> = {
  grant: 'Test credits',
  hold: 'Held for a job',
  charge: 'Job settled',
  release: 'Hold released',
  contribution: 'Earned by a device',
  site: 'Earned by a site',
  refund: 'Given back for a corrected record',
  claim: 'Earned before it was claimed',
  move: 'From the guest account',
}

/** Lines of a statement: a table on a wide screen, one block a line on a narrow one. */
export function StatementTable({ lines }: { readonly lines: readonly StatementLine[] }) {
  return (
    <table className="block w-full text-sm sm:table">
      <caption className="sr-only">Changes of the available credits, newest first</caption>
      <thead className="sr-only sm:not-sr-only sm:table-header-group">
        <tr className="border-b border-line text-left text-xs text-muted">
          <th scope="col" className="px-4 py-2 font-normal">
            Time
          </th>
          <th scope="col" className="px-4 py-2 font-normal">
            What for
          </th>
          <th scope="col" className="px-4 py-2 text-right font-normal">
            Change
          </th>
          <th scope="col" className="px-4 py-2 text-right font-normal">
            Available
          </th>
        </tr>
      </thead>
      <tbody className="block divide-y divide-line sm:table-row-group">
        {lines.map((line) => (
          <tr
            key={line.id}
            className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-3 gap-y-0.5 px-4 py-3 sm:table-row sm:p-0"
          >
            <td className="order-3 text-xs text-muted sm:px-4 sm:py-2.5 sm:whitespace-nowrap">
              <time dateTime={line.time}>{formatDate(line.time)}</time>
            </td>
            <td className="order-1 min-w-0 sm:px-4 sm:py-2.5">
              <What line={line} />
            </td>
            <td
              className={cn(
                'num order-2 text-right sm:px-4 sm:py-2.5',
                line.change > 0 && 'text-ok',
                line.change === 0 && 'text-muted',
              )}
            >
              {signed(line.change)}
            </td>
            <td className="num order-4 text-right text-muted sm:px-4 sm:py-2.5">
              <span className="sr-only">then available: </span>
              {formatCount(line.available)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** With a true minus sign, and a plus where something came in. */
function signed(change: number): string {
  if (change === 0) return '0'
  return `${change > 0 ? '+' : '−'}${formatCount(Math.abs(change))}`
}

function What({ line }: { readonly line: StatementLine }) {
  return (
    <>
      <span>{KINDS[line.kind]}</span>
      {line.kind === 'charge' && line.charged !== null ? (
        <span className="text-muted">
          {' '}
          for {formatCount(line.charged)}
          {line.change > 0 ? ', the rest released' : ''}
        </span>
      ) : null}
      <span className="block text-xs text-muted">
        {line.job_id === null ? null : (
          <Link href={`/jobs/${line.job_id}`} className={linkStyles}>
            Job <span className="num">{line.job_id.slice(0, 8)}</span>
          </Link>
        )}
        {line.agent === null ? null : (
          <>
            {line.job_id === null ? '' : ', '}device <span className="num">{line.agent.slice(0, 8)}</span>
          </>
        )}
      </span>
    </>
  )
}
