import type { ChartSpec, Summary } from '../op.ts'
import type { ReduceArgs } from './args.ts'
import type { ReduceResult } from './result.ts'

export function summariseReduce(
  { axis }: ReduceArgs,
  { lines, depth, total, digests, preview }: ReduceResult,
): Summary {
  const line = { all: 'Line', rows: 'Row', columns: 'Column' }[axis]
  const charts: ChartSpec[] =
    preview.length < 2
      ? []
      : [
          {
            kind: 'band',
            title: `${line}s: mean and range`,
            x: { label: line },
            y: { label: 'Element' },
            points: preview.map((entry) => ({
              x: entry.line,
              y: entry.mean,
              low: entry.min,
              high: entry.max,
            })),
          },
        ]
  return {
    headline: { label: 'Sum of all elements', value: total.sum },
    figures: [
      { label: 'Elements', value: lines * depth },
      ...(lines > 1 ? [{ label: `${line}s`, value: lines, note: `of ${depth} elements each` }] : []),
      { label: 'Mean', value: total.mean },
      {
        label: 'Variance',
        value: total.variance,
        note: 'of the population: the mean square less the squared mean',
      },
      { label: 'Smallest element', value: total.min },
      { label: 'Largest element', value: total.max },
      { label: 'Sum of squares', value: total.sum_squares },
      { label: 'SHA-256 of sums', value: digests.sums, note: '64-bit two’s complement, one a line' },
      { label: 'SHA-256 of sums of squares', value: digests.squares, note: '96 bits, one a line' },
      { label: 'SHA-256 of extremes', value: digests.extremes, note: 'least and greatest, one pair a line' },
    ],
    charts,
    notes: [
      'Sums are exact at any length; mean and variance are the doubles nearest to the exact quotients.',
    ],
  }
}
