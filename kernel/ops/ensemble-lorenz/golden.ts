import type { GoldenContract } from '../op.ts'

export const goldenLorenz = (): readonly GoldenContract[] => [{ args: { steps: 200, runs: 100 } }]
