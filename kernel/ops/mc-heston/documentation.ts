import { documentationFor } from '../documentation.ts'
import { hestonSpec } from './index.ts'

export const documentation = documentationFor(hestonSpec, {
  invariants: [
    'A shard has exactly its paths; each is in one bin or among the zeros.',
    'The largest payoff is possible and lies in the highest bin used; sums lie between count and count times largest; sum of squares and sum obey Cauchy-Schwarz.',
  ],
  accuracy:
    'The full-truncation Euler scheme has a bias that falls with the number of steps, about 0.5 % of the price at 64 steps a ' +
    'year; the martingale check of the result shows a part of it. Rounding is far below the standard error.',
  oracle: {
    statement: 'A European call under Heston variance is an integral of its characteristic function.',
    source:
      'Albrecher, Mayer, Schoutens and Tistaert, "The little Heston trap", Wilmott (2007), second formulation, by Simpson\'s rule ' +
      'in double precision; the tolerance adds 0.3 % for the scheme.',
    args: {
      spot: 100,
      strike: 100,
      rate: 0.03,
      initial_variance: 0.04,
      long_run_variance: 0.04,
      mean_reversion: 1.5,
      variance_volatility: 0.3,
      correlation: -0.7,
      maturity_years: 1,
      steps: 252,
      paths: 2 ** 15,
      right: 'call',
    },
    check: ({ price, standard_error }) => [
      {
        name: 'Price',
        actual: price,
        expected: 9.193318306728187,
        tolerance: 4 * standard_error + 0.003 * price,
        unit: 'currency',
      },
    ],
  },
})
