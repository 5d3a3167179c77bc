import type { GoldenContract } from '../op.ts'

const OPTION = { spot: 100, strike: 105, rate: 0.03, volatility: 0.25, maturity_years: 0.5, steps: 13 }

export const goldenGbm = (): readonly GoldenContract[] => [
  { args: { ...OPTION, paths: 300, style: 'european', right: 'call' } },
  { args: { ...OPTION, paths: 300, style: 'asian', right: 'put' } },
]
