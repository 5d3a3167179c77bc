import type { Figure, Summary } from '../op.ts'
import { convergenceChart, drawnHistogram, plusMinus } from '../option.ts'
import type { EtaArgs } from './args.ts'
import type { EtaResult } from './result.ts'

const unit = 'minutes'

export function summariseEta(args: EtaArgs, result: EtaResult): Summary {
  const figures: Figure[] = [
    { label: 'Standard error', value: 100 * result.standard_error, unit: '%' },
    { label: 'Mean time', value: result.mean, unit, plus_minus: plusMinus(result.mean_error) },
    {
      label: 'Mean time of the model',
      value: result.expected,
      unit,
      note: 'In closed form: base times, weather and incidents.',
    },
    { label: 'Standard deviation', value: result.standard_deviation, unit },
    ...result.quantiles.map(({ percent, low, high }) => ({
      label: `Time that ${percent} % of trips take at most`,
      value: (low + high) / 2,
      unit,
      note: 'The middle of its bin.',
    })),
    { label: 'Longest trip', value: result.longest, unit },
    { label: 'Trips', value: result.trips, unit: 'trips' },
  ]
  // From the first bin used on.
  const first = Math.max(
    result.histogram.counts.findIndex((count) => count > 0),
    0,
  )
  return {
    headline: {
      label: `Arrives within ${args.deadline_minutes} minutes`,
      value: 100 * result.on_time,
      unit: '%',
      plus_minus: 100 * plusMinus(result.standard_error),
    },
    figures,
    charts: [
      {
        kind: 'histogram',
        title: 'Times of all trips',
        x: { label: 'Time', unit },
        ...drawnHistogram({
          edges: result.histogram.edges.slice(first),
          counts: result.histogram.counts.slice(first),
        }),
      },
      convergenceChart(result.convergence, { label: 'Trips', unit: 'trips' }, { label: 'Share on time' }),
    ],
    notes: [
      'Traffic, weather and incidents are independent of each other; traffic is shared by the segments as the correlation says.',
      ...(result.saturated > 0
        ? [`${result.saturated} times reached the end of their format and count at it.`]
        : []),
    ],
  }
}
