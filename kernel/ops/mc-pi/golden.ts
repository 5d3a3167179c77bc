import type { GoldenContract } from '../op.ts'

export const goldenPi = (): readonly GoldenContract[] => [{ args: { points: 4097 } }]
