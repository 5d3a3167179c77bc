import type { GoldenContract } from '../op.ts'

export const goldenIsing = (): readonly GoldenContract[] => [
  {
    args: {
      size: 16,
      temperature: 2.3,
      start: 'random',
      burn_in: 4,
      measured: 6,
      interval: 2,
      replicas: 8,
    },
  },
]
