import { documentationFor } from '../documentation.ts'
import { numbers } from '../documented-operands.ts'
import { bootstrapSpec } from './index.ts'

export const documentation = documentationFor(bootstrapSpec, {
  invariants: [
    'A shard has exactly its resamples of the rows that the data have.',
    'Statistics and sums lie within their ranges; the moments of the data obey Cauchy-Schwarz.',
  ],
  accuracy:
    'Data are scaled to integers once, by an exact rule; draws and sums are exact from there on. The statistic is known to the ' +
    'resolution that the result states, its standard error to about 1 / √(2 resamples).',
  oracle: {
    statement:
      'The bootstrap of a mean needs no simulation: its standard error is the deviation of the data over the root of their number. ' +
      'For the numbers 1 to 100 that is √((100² − 1) / 12) / 10.',
    source:
      'Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979). ' +
      'The tolerance is four standard errors of a standard error.',
    args: { statistic: 'mean', resamples: 10_000 },
    operands: () => ({
      data: numbers('int32', [100, 1], (i) => i + 1),
    }),
    check: (result) => [
      { name: 'Mean', actual: result.value, expected: 50.5, tolerance: 1e-5 },
      {
        name: 'Standard error',
        actual: result.standard_error,
        expected: Math.sqrt((100 * 100 - 1) / 12) / 10,
        tolerance: (4 * result.standard_error) / Math.sqrt(2 * 10_000),
      },
    ],
  },
})
