import { goldenOperand } from '../golden.ts'
import type { GoldenContract } from '../op.ts'

export const goldenGemv = (): readonly GoldenContract[] => [
  { args: {}, operands: { a: goldenOperand('int16', [21, 37], 5), x: goldenOperand('int8', [37], 6) } },
]
