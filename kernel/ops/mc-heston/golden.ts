import type { GoldenContract } from '../op.ts'

export const goldenHeston = (): readonly GoldenContract[] => [
  {
    args: {
      spot: 100,
      strike: 105,
      rate: 0.03,
      initial_variance: 0.05,
      long_run_variance: 0.04,
      mean_reversion: 2,
      variance_volatility: 0.5,
      correlation: -0.6,
      maturity_years: 0.5,
      steps: 13,
      paths: 300,
      right: 'call',
    },
  },
]
