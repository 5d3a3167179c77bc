import { goldenOperand } from '../golden.ts'
import type { GoldenContract } from '../op.ts'

export const goldenConv2d = (): readonly GoldenContract[] => [
  {
    args: { padding: 1, stride: 2 },
    operands: { x: goldenOperand('int8', [2, 5, 9, 8], 7), w: goldenOperand('int8', [6, 5, 3, 3], 8) },
  },
]
