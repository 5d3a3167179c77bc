import type { GoldenContract } from '../op.ts'

export const goldenSir = (): readonly GoldenContract[] => [
  {
    args: {
      population: 1000,
      transmission_rate: 0.5,
      recovery_rate: 0.25,
      days: 30,
      steps_per_day: 2,
      runs: 100,
    },
  },
]
