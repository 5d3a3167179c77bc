import type { GoldenContract } from '../op.ts'

const OPTION = { spot: 100, strike: 105, rate: 0.03, volatility: 0.25, maturity_years: 0.5, steps: 13 }
const { strike: _, ...FLOATING } = OPTION

export const goldenGbm = (): readonly GoldenContract[] => [
  { args: { ...OPTION, paths: 300, style: 'european', right: 'call' } },
  { args: { ...OPTION, paths: 300, style: 'asian', right: 'put' } },
  { args: { ...OPTION, paths: 50, style: 'digital', right: 'put', payout: 10, greeks: true } },
  {
    args: {
      ...OPTION,
      paths: 50,
      style: 'barrier',
      right: 'call',
      barrier_type: 'down_and_out',
      barrier: 95,
      rebate: 2,
      greeks: true,
    },
  },
  { args: { ...FLOATING, paths: 100, style: 'lookback', right: 'call', strike_type: 'floating' } },
]
