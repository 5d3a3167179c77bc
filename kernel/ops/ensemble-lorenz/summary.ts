import type { Figure, Summary } from '../op.ts'
import { convergenceChart, plusMinus } from '../option.ts'
import type { LorenzArgs } from './args.ts'
import type { LorenzResult } from './result.ts'

export function summariseLorenz(args: LorenzArgs, result: LorenzResult): Summary {
  const { coordinate } = args
  const end = args.steps * args.time_step
  const figures: Figure[] = [
    {
      label: 'Spread at the end',
      value: result.spread,
      note: `Standard deviation over the ensemble; it began at ${args.initial_error}.`,
    },
    {
      label: 'Forecast horizon',
      value: result.horizon ?? 'not reached',
      ...(result.horizon === null ? {} : { unit: 'time units' }),
      note: 'The first reported time at which the spread is half of its largest.',
    },
    { label: 'Mean x at the end', value: result.last.x },
    { label: 'Mean y at the end', value: result.last.y },
    { label: 'Mean z at the end', value: result.last.z },
    { label: 'Standard error', value: result.standard_error },
    { label: 'Runs', value: result.runs, unit: 'runs' },
  ]
  const { edges, counts } = result.histogram
  const first = Math.max(
    counts.findIndex((count) => count > 0),
    0,
  )
  const last = counts.length - [...counts].reverse().findIndex((count) => count > 0)
  return {
    headline: {
      label: `Mean ${coordinate} after ${end} time units`,
      value: result.mean,
      plus_minus: plusMinus(result.standard_error),
    },
    figures,
    charts: [
      {
        kind: 'band',
        title: `${coordinate} over time: the median, and nine of ten forecasts`,
        x: { label: 'Time', unit: 'time units' },
        y: { label: coordinate },
        points: result.course.map(({ time, median, percent_5, percent_95 }) => ({
          x: time,
          y: median,
          low: percent_5,
          high: percent_95,
        })),
      },
      {
        kind: 'histogram',
        title: `${coordinate} at the end`,
        x: { label: coordinate },
        edges: edges.slice(first, last + 1),
        counts: counts.slice(first, last),
      },
      convergenceChart(
        result.convergence,
        { label: 'Runs', unit: 'runs' },
        { label: `Mean ${coordinate} at the end` },
      ),
    ],
    notes: [
      'Two computers that round differently part within about thirty time units. Here every device computes the same bits: the ensemble is reproducible, its single trajectories are not the true ones.',
      'Quantiles are interpolated within bins of 2.',
      ...(result.saturations > 0
        ? [`${result.saturations} values reached the end of their format and were held there.`]
        : []),
    ],
  }
}
