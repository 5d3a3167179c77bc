import type { GoldenContract } from '../op.ts'

export const goldenInsurance = (): readonly GoldenContract[] => [
  {
    args: {
      claim_frequency: 6,
      claim_mean: 100,
      claim_deviation: 150,
      claim_limit: 500,
      catastrophe_frequency: 0.4,
      catastrophe_threshold: 1000,
      catastrophe_limit: 20_000,
      years: 1000,
    },
  },
]
