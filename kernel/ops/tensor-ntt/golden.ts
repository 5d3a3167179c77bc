import { goldenOperand } from '../golden.ts'
import type { GoldenContract } from '../op.ts'

export const goldenNtt = (): readonly GoldenContract[] => [
  { args: {}, operands: { a: goldenOperand('int32', [70], 3), b: goldenOperand('uint32', [50], 4) } },
]
