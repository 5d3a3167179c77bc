import type { GoldenContract } from '../op.ts'

export const goldenPortfolio = (): readonly GoldenContract[] => [
  {
    args: {
      positions: [
        { name: 'a', exposure: 500, volatility: 0.2 },
        { name: 'b', exposure: -300, volatility: 0.4 },
      ],
      correlations: [
        [1, 0.5],
        [0.5, 1],
      ],
      returns: 'log',
      tails: 'student',
      paths: 1000,
    },
  },
]
