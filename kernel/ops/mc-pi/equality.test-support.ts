import type { EqualityContract } from '../equality.test-support.ts'

const pi = (name: string, points: number, first = 0, count = 1): EqualityContract => ({
  name,
  args: { points },
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  pi('one point', 1),
  pi('an odd number of points', 10_001),
  pi('a full shard and the last one', 3 * 2 ** 22 + 7, 2, 2),
  pi('points beyond 2^32 pairs', 2 ** 34 + 1001, 4096, 1),
]
