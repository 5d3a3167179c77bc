import { goldenOperand } from '../golden.ts'
import type { GoldenContract } from '../op.ts'

export const goldenFilter = (): readonly GoldenContract[] => [
  { args: { filter: 'sharpen', sigma: 1.5 }, operands: { image: goldenOperand('uint8', [23, 17, 4], 9) } },
]
