'use client'

import { useCallback, useMemo } from 'react'
import uPlot from 'uplot'
import type { Axis, ChartSpec } from '../../../kernel/ops/op.ts'
import { formatCompact, formatCount, formatNumber } from '../../data/format.ts'
import { axis, Plot, type PlotInk } from './plot.tsx'

type HistogramSpec = Extract<ChartSpec, { kind: 'histogram' }>

export function axisText({ label, unit }: Axis): string {
  return unit === undefined || unit.toLowerCase() === label.toLowerCase() ? label : `${label} (${unit})`
}

/** Counts per bin. The bars lie between the true edges, so unequal bins look unequal. */
export function Histogram({ spec }: { readonly spec: HistogramSpec }) {
  const { edges, counts } = spec
  const data = useMemo<uPlot.AlignedData>(() => {
    // One point an edge; the stepped path holds each count until the next edge.
    const last = counts.at(-1) ?? 0
    return [[...edges], [...counts.slice(0, edges.length - 1), last]]
  }, [edges, counts])
  const total = counts.reduce((sum, count) => sum + count, 0)
  const fullest = counts.reduce((best, count, index) => (count > (counts[best] ?? 0) ? index : best), 0)
  const options = useCallback(
    (ink: PlotInk) => ({
      scales: {
        x: { time: false },
        y: { range: (_: uPlot, __: number, max: number): [number, number] => [0, max * 1.05 || 1] },
      },
      legend: { show: true, live: true },
      cursor: { drag: { x: false, y: false }, points: { show: false } },
      axes: [
        axis(ink, axisText(spec.x), { size: 32 }),
        axis(ink, 'Count', { size: 64, values: (_, splits) => splits.map(formatCompact) }),
      ],
      series: [
        {
          label: `From ${axisText(spec.x)}`,
          value: (_: uPlot, value: number | null) => (value === null ? '–' : formatNumber(value)),
        },
        {
          label: 'Count',
          stroke: ink.accent,
          fill: ink.accentWash,
          width: 1.5,
          points: { show: false },
          value: (_: uPlot, value: number | null) => (value === null ? '–' : formatCount(value)),
          ...stepped(),
        },
      ],
    }),
    [spec.x],
  )
  const from = edges[fullest]
  const to = edges[fullest + 1]
  return (
    <Plot
      label={`Histogram of ${formatCount(total)} values. The fullest of ${counts.length} bins reaches from ${from === undefined ? '?' : formatNumber(from)} to ${to === undefined ? '?' : formatNumber(to)} ${spec.x.unit ?? ''} with ${formatCount(counts[fullest] ?? 0)}.`}
      data={data}
      options={options}
    />
  )
}

function stepped(): Pick<uPlot.Series, 'paths'> {
  const paths = uPlot.paths.stepped?.({ align: 1 })
  return paths === undefined ? {} : { paths }
}
