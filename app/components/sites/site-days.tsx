import type { SiteStatsView } from '../../../kernel/api/sites.ts'
import { formatCount } from '../../data/format.ts'
import { Panel } from '../ui/panel.tsx'

/** Visitors by day, newest first. */
export function SiteDays({ days }: { readonly days: SiteStatsView['days'] }) {
  return (
    <Panel id="days" title="By day" bodyClassName="p-0">
      {days.length === 0 ? (
        <p className="p-4 text-sm text-muted">No visitor has been asked yet.</p>
      ) : (
        <table className="w-full text-sm">
          <caption className="sr-only">Visitors by day (UTC), newest first</caption>
          <thead>
            <tr className="border-b border-line text-right text-xs text-muted">
              <th scope="col" className="px-4 py-2 text-left font-normal">
                Day
              </th>
              <th scope="col" className="px-2 py-2 font-normal">
                Asked
              </th>
              <th scope="col" className="px-2 py-2 font-normal">
                Consented
              </th>
              <th scope="col" className="px-4 py-2 font-normal">
                Stopped
              </th>
            </tr>
          </thead>
          <tbody className="divide-y divide-line">
            {days.toReversed().map(({ day, asked, consented, stopped }) => (
              <tr key={day} className="num text-right">
                <th scope="row" className="px-4 py-2 text-left font-normal">
                  {day}
                </th>
                <td className="px-2 py-2">{formatCount(asked)}</td>
                <td className="px-2 py-2">{formatCount(consented)}</td>
                <td className="px-4 py-2">{formatCount(stopped)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  )
}
