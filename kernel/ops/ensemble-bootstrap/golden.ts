import { goldenOperand } from '../golden.ts'
import type { GoldenContract } from '../op.ts'

export const goldenBootstrap = (): readonly GoldenContract[] => {
  const data = goldenOperand('int32', [41, 2], 3)
  return (['mean', 'quantile', 'correlation'] as const).map((statistic) => ({
    args: { statistic, resamples: 100 },
    operands: { data },
  }))
}
