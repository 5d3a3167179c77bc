import type { JsonObject } from '../../canonical.ts'
import { type EqualityContract, filledOperand } from '../equality.test-support.ts'

/** Two columns of words below 2^20, some of them equal. */
const bootstrap = (name: string, rows: number, args: JsonObject, first = 0, count = 1): EqualityContract => ({
  name,
  args,
  operands: () => ({
    data: filledOperand('int32', [rows, 2], 3, (i, random) =>
      i % 4 === 3 ? 0 : i % 4 === 2 ? random & 15 : random & 0xff,
    ),
  }),
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  bootstrap('mean of 301 rows', 301, { resamples: 700 }, 1, 2),
  bootstrap('mean of one row', 1, { resamples: 100 }),
  bootstrap('median of 3,003 rows', 3003, { statistic: 'quantile', resamples: 100 }),
  bootstrap('largest of 302 rows', 302, { statistic: 'quantile', percent: 99.9, resamples: 100 }),
  bootstrap('median of 32,000 rows', 32_000, { statistic: 'quantile', resamples: 100 }),
  bootstrap('mean of 70,001 rows: three stages', 70_001, { resamples: 100 }, 1, 1),
  bootstrap('median of 64,001 rows: fifteen stages', 64_001, { statistic: 'quantile', resamples: 100 }, 1, 1),
  bootstrap(
    'correlation of 32,001 rows: two stages',
    32_001,
    { statistic: 'correlation', resamples: 100 },
    2,
    1,
  ),
  bootstrap('correlation', 303, { statistic: 'correlation', resamples: 200 }, 2, 2),
]
