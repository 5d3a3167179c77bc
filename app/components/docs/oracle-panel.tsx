import { Check, X } from 'lucide-react'
import { Chart } from '../charts/chart.tsx'
import { FigureTable, Headline } from '../job/result.tsx'
import { Panel } from '../ui/panel.tsx'
import type { OpPage } from './op-page.ts'

/** The result of the documented contract, and the numbers that it has to meet. */
export function OraclePanel({ page: { oracle, result } }: { readonly page: OpPage }) {
  return (
    <>
      <Panel id="oracle" title="A result with its oracle">
        <p className="text-sm leading-6">{oracle.statement}</p>
        <table className="mt-4 w-full table-fixed text-sm">
          <caption className="sr-only">Results of the example beside the values known from elsewhere</caption>
          <thead className="text-xs text-muted">
            <tr className="border-b border-line">
              <th scope="col" className="w-[34%] py-2 pr-3 text-left font-normal">
                Figure
              </th>
              <th scope="col" className="py-2 pr-3 text-right font-normal">
                This kernel
              </th>
              <th scope="col" className="py-2 text-right font-normal">
                Oracle
              </th>
            </tr>
          </thead>
          <tbody className="divide-y divide-line">
            {oracle.checks.map(({ name, actual, expected, tolerance, unit, met }) => (
              <tr key={name}>
                <th scope="row" className="py-2 pr-3 text-left align-top font-normal">
                  {name}
                  <span className="flex items-center gap-1 text-xs text-muted [&_svg]:size-3.5">
                    {met ? <Check aria-hidden className="text-ok" /> : <X aria-hidden className="text-bad" />}
                    {met ? 'met' : 'not met'}
                  </span>
                </th>
                <td className="num py-2 pr-3 text-right align-top wrap-anywhere">{shown(actual)}</td>
                <td className="num py-2 text-right align-top wrap-anywhere">
                  {shown(expected)}
                  <span className="block text-xs text-muted">
                    {tolerance === 0 ? 'exactly' : `± ${shown(tolerance)}`}
                    {unit === undefined ? '' : ` ${unit}`}
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        <p className="mt-3 text-xs leading-5 text-muted">
          Oracle: {oracle.source} The shipped kernel computed the result when these pages were made, from the
          contract above; a test computes it again.
        </p>
      </Panel>
      <Panel id="example-result" title="The example’s result, as its job page shows it">
        <Headline figure={result.headline} />
        {result.figures.length === 0 ? null : (
          <div className="mt-6">
            <FigureTable figures={result.figures} />
          </div>
        )}
        <p className="mt-4 text-xs text-muted">
          SHA-256 of the result, on every device: <span className="num wrap-anywhere">{result.digest}</span>
        </p>
      </Panel>
      {result.chart === null ? null : (
        <Panel id="example-chart" title={result.chart.title}>
          <Chart spec={result.chart} />
        </Panel>
      )}
    </>
  )
}

/** Nine significant digits, and no more of them than there are. */
function shown(value: number | string): string {
  return typeof value === 'string' ? value : String(Number(value.toPrecision(9)))
}
