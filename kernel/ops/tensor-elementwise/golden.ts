import { goldenOperand } from '../golden.ts'
import type { GoldenContract } from '../op.ts'

export const goldenElementwise = (): readonly GoldenContract[] => [
  {
    args: { operation: 'multiply', shift: 7, result: 'int16' },
    operands: { a: goldenOperand('int16', [13, 19], 11), b: goldenOperand('uint8', [1, 19], 12) },
  },
]
