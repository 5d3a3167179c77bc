'use client'

import { Download } from 'lucide-react'
import type { JobView } from '../../../kernel/api.ts'
import type { Figure, Summary } from '../../../kernel/ops/op.ts'
import { formatBytes, formatFigureValue, formatWithError } from '../../data/format.ts'
import { Chart } from '../charts/chart.tsx'
import { Button, buttonStyles } from '../ui/button.tsx'
import { cn } from '../ui/class-names.ts'
import { Panel } from '../ui/panel.tsx'
import { StoppingPanel } from './stopping.tsx'

/** A headline longer than this is a sentence and not a number. */
const LONG_CHARS = 16

export function Headline({
  figure,
  isSequential = false,
}: {
  readonly figure: Figure
  readonly isSequential?: boolean
}) {
  return (
    <div>
      <p className="text-sm text-muted">{figure.label}</p>
      <p className="mt-1 flex flex-wrap items-baseline gap-x-3">
        <span
          className={cn(
            'num min-w-0 font-medium tracking-tight break-words',
            typeof figure.value === 'string' && figure.value.length > LONG_CHARS
              ? 'text-xl sm:text-2xl'
              : 'text-4xl sm:text-5xl',
          )}
        >
          {formatFigureValue(figure)}
        </span>
        <PlusMinus figure={figure} className="text-lg text-muted" />
        {figure.unit === undefined ? null : <span className="text-lg text-muted">{figure.unit}</span>}
      </p>
      <p className="mt-1 text-xs text-muted">
        {figure.plus_minus === undefined
          ? 'exact'
          : `± is the half-width of the 95 % ${isSequential ? 'sequential ' : ''}interval`}
        {figure.note === undefined ? '' : ` · ${figure.note}`}
      </p>
    </div>
  )
}

function PlusMinus({ figure, className }: { readonly figure: Figure; readonly className?: string }) {
  if (figure.plus_minus === undefined || typeof figure.value === 'string') return null
  return (
    <span className={`num ${className ?? ''}`}>
      ± {formatWithError(figure.value, figure.plus_minus).plusMinus}
    </span>
  )
}

export function FigureTable({ figures }: { readonly figures: readonly Figure[] }) {
  return (
    <table className="w-full text-sm">
      <caption className="sr-only">Figures of the result</caption>
      <thead className="sr-only">
        <tr>
          <th scope="col">Figure</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody className="divide-y divide-line">
        {figures.map((figure) => (
          <tr key={figure.label}>
            <th scope="row" className="py-2 pr-4 text-left align-top font-normal">
              {figure.label}
              {figure.note === undefined ? null : (
                <span className="block text-xs text-muted">{figure.note}</span>
              )}
            </th>
            <td className="num py-2 text-right align-top">
              <span className={typeof figure.value === 'number' ? 'whitespace-nowrap' : 'wrap-anywhere'}>
                {formatFigureValue(figure)}
              </span>{' '}
              <PlusMinus figure={figure} className="whitespace-nowrap text-muted" />
              {figure.unit === undefined ? null : (
                <span className="ml-1 whitespace-nowrap text-xs text-muted">{figure.unit}</span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

export function ResultPanels({ job, summary }: { readonly job: JobView; readonly summary: Summary }) {
  return (
    <>
      <Panel
        id="result"
        title="Result"
        aside={
          <span className="flex gap-2">
            <Button
              size="small"
              onClick={() => download(`${job.id}.json`, 'application/json', JSON.stringify(job, null, 2))}
            >
              <Download aria-hidden />
              JSON
            </Button>
            <Button
              size="small"
              onClick={() => download(`${job.id}-figures.csv`, 'text/csv', figuresCsv(summary))}
            >
              <Download aria-hidden />
              CSV
            </Button>
          </span>
        }
      >
        <Headline figure={summary.headline} isSequential={summary.stopping !== undefined} />
        {summary.figures.length === 0 ? null : (
          <div className="mt-6">
            <FigureTable figures={summary.figures} />
          </div>
        )}
        {summary.notes.length === 0 ? null : (
          <ul className="mt-4 list-disc space-y-1 pl-4 text-xs text-muted">
            {summary.notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        )}
      </Panel>
      {summary.stopping === undefined ? null : <StoppingPanel stopping={summary.stopping} />}
      {summary.charts.map((chart) => (
        <Panel key={chart.title} title={chart.title}>
          <Chart spec={chart} />
        </Panel>
      ))}
      {job.artifacts.length === 0 ? null : (
        <Panel id="artifacts" title="Artifacts" bodyClassName="p-0">
          <ul className="divide-y divide-line text-sm">
            {job.artifacts.map((artifact) => (
              <li key={artifact.name} className="flex flex-wrap items-center justify-between gap-3 px-4 py-3">
                <div className="min-w-0">
                  <p className="num font-medium">{artifact.name}</p>
                  <p className="num text-xs text-muted">
                    {artifact.dtype} [{artifact.shape.join(' × ')}], {formatBytes(artifact.bytes)},
                    little-endian, row-major
                  </p>
                  <p className="num text-xs break-all text-muted">{artifact.digest}</p>
                </div>
                <a
                  className={buttonStyles({ size: 'small' })}
                  href={`/api/v0/blobs/${artifact.digest}`}
                  download={`${artifact.name}.${artifact.dtype}.bin`}
                >
                  <Download aria-hidden />
                  Download
                </a>
              </li>
            ))}
          </ul>
        </Panel>
      )}
    </>
  )
}

/** RFC 4180; a leading quote sign disarms a cell that a spreadsheet would take for a formula. */
function csvCell(value: string | number | undefined): string {
  if (value === undefined) return ''
  if (typeof value === 'number') return String(value)
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

function figuresCsv({ headline, figures }: Summary): string {
  const rows = [headline, ...figures].map(({ label, value, plus_minus, unit, note }) =>
    [label, value, plus_minus, unit, note].map(csvCell).join(','),
  )
  return `${['label,value,plus_minus_95,unit,note', ...rows].join('\r\n')}\r\n`
}

function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
