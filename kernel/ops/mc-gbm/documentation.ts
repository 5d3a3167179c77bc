import { documentationFor } from '../documentation.ts'
import type { GbmArgs } from './args.ts'
import { blackScholes, europeanGreeks } from './closed-forms.ts'
import { gbmSpec } from './index.ts'
import { GREEKS } from './scenarios.ts'

const CALL: GbmArgs = {
  spot: 100,
  strike: 105,
  rate: 0.03,
  dividend_yield: 0,
  volatility: 0.25,
  maturity_years: 1,
  steps: 12,
  paths: 2 ** 18,
  style: 'european',
  right: 'call',
}

export const documentation = documentationFor(gbmSpec, {
  invariants: [
    'A shard has exactly its paths; each is in one bin or among the zeros.',
    'The largest payoff is possible and lies in the highest bin used.',
    'Sums lie between count and count times largest; sum of squares and sum obey Cauchy-Schwarz, also for each Greek.',
  ],
  accuracy:
    'Normals are accurate to 2e-6 and end at 6.3 standard deviations, ratios of prices to about 4e-8; both are far below the ' +
    'standard error, which the result states. Digital, barrier and lookback options see the prices at the steps only. Greeks ' +
    'are central differences over the same paths, with the standard error of the differences.',
  oracle: {
    statement:
      'A European call and its Greeks have a closed form. The differences that estimate the Greeks are those of steps of 1 % and ' +
      '5 %: their own distance from the derivative is a part of the tolerance.',
    source:
      'Black and Scholes, "The pricing of options and corporate liabilities", Journal of Political Economy 81 (1973).',
    args: { ...CALL, greeks: true },
    check: ({ price, standard_error, greeks }) => [
      {
        name: 'Price',
        actual: price,
        expected: blackScholes(CALL),
        tolerance: 4 * standard_error,
        unit: 'currency',
      },
      ...GREEKS.map((greek) => {
        const { value, standard_error: error } = greeks?.[greek] ?? { value: 0, standard_error: 0 }
        const expected = europeanGreeks(CALL)[greek]
        return {
          name: greek.charAt(0).toUpperCase() + greek.slice(1),
          actual: value,
          expected,
          tolerance: 4 * error + 0.01 * Math.abs(expected),
        }
      }),
    ],
  },
})
