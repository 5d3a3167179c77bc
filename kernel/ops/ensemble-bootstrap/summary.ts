import type { Summary } from '../op.ts'
import { convergenceChart, plusMinus } from '../option.ts'
import type { BootstrapArgs } from './args.ts'
import type { BootstrapResult } from './result.ts'

function nameOf(args: BootstrapArgs): string {
  switch (args.statistic) {
    case 'mean':
      return `Mean of column ${args.column}`
    case 'quantile':
      return `${args.percent} % quantile of column ${args.column}`
    case 'correlation':
      return `Correlation of columns ${args.column} and ${args.other_column}`
    default:
      return args.statistic satisfies never
  }
}

export function summariseBootstrap(args: BootstrapArgs, result: BootstrapResult): Summary {
  const label = nameOf(args)
  const { percentile_interval: percentile, basic_interval: basic } = result
  return {
    headline: { label, value: result.value, plus_minus: plusMinus(result.standard_error) },
    figures: [
      {
        label: 'Standard error',
        value: result.standard_error,
        note: 'Standard deviation over the resamples.',
      },
      { label: '95 % interval by percentiles, from', value: percentile.low },
      { label: '95 % interval by percentiles, to', value: percentile.high },
      { label: '95 % interval reflected, from', value: basic.low },
      { label: '95 % interval reflected, to', value: basic.high },
      { label: 'Bias', value: result.bias, note: 'Mean over the resamples less the value.' },
      {
        label: 'Rows',
        value: result.rows,
        unit: 'rows',
        ...(result.left_out > 0
          ? { note: `${result.left_out} with a number that is not finite, or beyond 2^400, are left out.` }
          : {}),
      },
      { label: 'Resamples', value: result.resamples, unit: 'resamples' },
    ],
    charts: [
      {
        kind: 'histogram',
        title: 'The statistic over the resamples',
        x: { label },
        edges: result.histogram.edges,
        counts: result.histogram.counts,
      },
      convergenceChart(
        result.convergence,
        { label: 'Resamples', unit: 'resamples' },
        { label: 'Mean over the resamples' },
        { label: 'Value of the rows', y: result.value },
      ),
    ],
    notes: [
      'Values are taken to one of 2^24 levels between the least and the largest of their column.',
      ...(result.rows < 30 ? ['Few rows: the intervals are too narrow.'] : []),
    ],
  }
}
