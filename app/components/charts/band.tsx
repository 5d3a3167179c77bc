'use client'

import { useCallback, useMemo } from 'react'
import type uPlot from 'uplot'
import type { ChartSpec } from '../../../kernel/ops/op.ts'
import { formatCompact, formatCount, formatNumber } from '../../data/format.ts'
import { axisText } from './histogram.tsx'
import { axis, Plot, type PlotInk } from './plot.tsx'

const FEW_POINTS = 40
const WIDE_RANGE = 64

type BandSpec = Extract<ChartSpec, { kind: 'band' }>

/** An estimate with its 95 % interval as it narrows; a known value, where there is one, as a line to compare with. */
export function Band({ spec }: { readonly spec: BandSpec }) {
  const { points, reference } = spec
  const data = useMemo<uPlot.AlignedData>(
    () => [
      points.map(({ x }) => x),
      points.map(({ high }) => high),
      points.map(({ low }) => low),
      points.map(({ y }) => y),
      ...(reference === undefined ? [] : [points.map(() => reference.y)]),
    ],
    [points, reference],
  )
  const referenceLabel = reference?.label
  // A few points over a wide range are a doubling series: it is read on a logarithmic axis.
  const first = points[0]?.x ?? 0
  const last = points.at(-1)?.x ?? 0
  const logarithmic = first > 0 && last / first >= WIDE_RANGE && points.length <= FEW_POINTS
  const xs = data[0] as readonly number[]
  const options = useCallback(
    (ink: PlotInk) => {
      const number = (_: uPlot, value: number | null) => (value === null ? '–' : formatNumber(value))
      return {
        scales: {
          x: {
            time: false,
            ...(logarithmic
              ? {
                  distr: 3 as const,
                  range: (_: uPlot, min: number, max: number): [number, number] => [min, max],
                }
              : {}),
          },
        },
        cursor: { drag: { x: false, y: false } },
        axes: [
          axis(ink, axisText(spec.x), {
            size: 32,
            // Labels stand at points of the series; uPlot's own would be odd multiples of its first.
            ...(logarithmic
              ? { splits: () => everyFewth(xs), filter: (_: uPlot, splits: number[]) => splits }
              : {}),
            values: (_, splits) => splits.map((value) => (value === null ? '' : formatCompact(value))),
          }),
          axis(ink, axisText(spec.y), { size: 64 }),
        ],
        bands: [{ series: [1, 2] as [number, number], fill: ink.accentWash }],
        series: [
          { label: axisText(spec.x), value: number },
          { label: 'High', stroke: ink.accent, width: 0.5, points: { show: false }, value: number },
          { label: 'Low', stroke: ink.accent, width: 0.5, points: { show: false }, value: number },
          {
            label: spec.y.label,
            stroke: ink.ink,
            width: 2,
            points: { show: points.length <= FEW_POINTS, size: 5 },
            value: number,
          },
          ...(referenceLabel === undefined
            ? []
            : [
                {
                  label: referenceLabel,
                  stroke: ink.info,
                  width: 1.5,
                  dash: [6, 4],
                  points: { show: false },
                  value: number,
                },
              ]),
        ],
      }
    },
    [spec.x, spec.y, referenceLabel, logarithmic, points.length, xs],
  )
  const end = points.at(-1)
  return (
    <Plot
      label={
        end === undefined
          ? `${spec.title}: no points yet.`
          : `${spec.title}: ${formatCount(points.length)} points; the last, at ${formatNumber(end.x)}, is ${formatNumber(end.y)} between ${formatNumber(end.low)} and ${formatNumber(end.high)}${reference === undefined ? '' : `; ${reference.label} is ${formatNumber(reference.y)}`}.`
      }
      data={data}
      options={options}
    />
  )
}

const LABELS = 5

function everyFewth(values: readonly number[]): number[] {
  const step = Math.max(1, Math.ceil(values.length / LABELS))
  return values.filter((_, index) => index % step === 0)
}
