import { goldenOperand } from '../golden.ts'
import type { GoldenContract } from '../op.ts'

export const goldenMatmul = (): readonly GoldenContract[] => [
  { args: {}, operands: { a: goldenOperand('int8', [21, 37], 1), b: goldenOperand('int8', [37, 13], 2) } },
  {
    args: { transpose_b: true },
    operands: { a: goldenOperand('int16', [9, 14], 13), b: goldenOperand('int16', [11, 14], 14) },
  },
]
