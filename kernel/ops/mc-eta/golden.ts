import type { GoldenContract } from '../op.ts'

export const goldenEta = (): readonly GoldenContract[] => [
  {
    args: {
      segments: [
        { name: 'a', minutes: 18, variation: 0.4 },
        { name: 'b', minutes: 42 },
      ],
      deadline_minutes: 70,
      incidents_per_hour: 0.5,
      trips: 1000,
    },
  },
]
