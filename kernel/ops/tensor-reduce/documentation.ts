import { documentationFor } from '../documentation.ts'
import { numbers } from '../documented-operands.ts'
import { reduceSpec } from './index.ts'

export const documentation = documentationFor(reduceSpec, {
  invariants: [
    'A shard has exactly its items; least is at most greatest.',
    'The sum lies within count times either; sum of squares and sum obey Cauchy-Schwarz.',
  ],
  accuracy: 'Sums are exact; mean and variance are the nearest doubles.',
  oracle: {
    statement: 'The numbers 1 to 1,000: their sum, the sum of their squares, their mean and variance.',
    source: 'n (n + 1) / 2, n (n + 1) (2 n + 1) / 6, (n + 1) / 2 and (n² − 1) / 12 for n = 1,000.',
    args: { axis: 'all' },
    operands: () => ({ x: numbers('int16', [40, 25], (i) => i + 1) }),
    check: ({ total }) => [
      { name: 'Sum', actual: total.sum, expected: '500500', tolerance: 0 },
      { name: 'Sum of squares', actual: total.sum_squares, expected: '333833500', tolerance: 0 },
      { name: 'Mean', actual: total.mean, expected: 500.5, tolerance: 0 },
      { name: 'Variance', actual: total.variance, expected: 83_333.25, tolerance: 0 },
    ],
  },
})
