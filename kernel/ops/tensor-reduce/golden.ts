import { goldenOperand } from '../golden.ts'
import type { GoldenContract } from '../op.ts'

export const goldenReduce = (): readonly GoldenContract[] => [
  { args: { axis: 'columns' }, operands: { x: goldenOperand('int32', [70, 31], 10) } },
]
