import { documentationFor } from '../documentation.ts'
import { portfolioSpec } from './index.ts'

const DEVIATION = 1_000_000 * 0.2 * Math.sqrt(10 / 252)

export const documentation = documentationFor(portfolioSpec, {
  invariants: [
    'A shard has exactly its paths; each loss is in one bin.',
    'Losses of the tail lie in their bins, and their sums between the edges.',
    'Sum and sum of squares of the losses obey Cauchy-Schwarz.',
  ],
  accuracy:
    'The Cholesky factor is exact to 2^-30, returns to 2^-25. Quantiles are known to the width of a bin, which the result ' +
    'states, and to their standard error.',
  oracle: {
    statement:
      'With normal tails and simple returns the loss is normal: value at risk and expected shortfall are multiples of its standard ' +
      'deviation, here 1,000,000 × 20 % × √(10 / 252).',
    source:
      'Quantile and density of the normal distribution at 99 %: 2.3263478740408408 and 0.0266521422 / 0.01 (Abramowitz and ' +
      'Stegun, table 26).',
    args: {
      positions: [{ name: 'Shares', exposure: 1_000_000, volatility: 0.2 }],
      correlations: [],
      horizon_days: 10,
      confidence: 0.99,
      paths: 2 ** 19,
    },
    check: (result) => [
      {
        name: 'Value at risk',
        actual: result.value_at_risk,
        expected: 2.3263478740408408 * DEVIATION,
        tolerance: 4 * result.standard_error + result.value_at_risk_bin.high - result.value_at_risk_bin.low,
        unit: 'currency',
      },
      {
        name: 'Expected shortfall',
        actual: result.expected_shortfall,
        expected: 2.665214220345808 * DEVIATION,
        tolerance: 4 * result.expected_shortfall_error,
        unit: 'currency',
      },
    ],
  },
})
