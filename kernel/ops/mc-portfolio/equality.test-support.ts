import type { JsonObject } from '../../canonical.ts'
import type { EqualityContract } from '../equality.test-support.ts'

const POSITIONS = [
  { name: 'shares', exposure: 6000, volatility: 0.2, expected_return: 0.05 },
  { name: 'bonds', exposure: 3000, volatility: 0.06 },
  { name: 'short', exposure: -2000, volatility: 0.5 },
  { name: 'gold', exposure: 1000, volatility: 0.15 },
  { name: 'cash', exposure: 500, volatility: 0 },
]
const portfolio = (name: string, args: JsonObject, first = 0, count = 1): EqualityContract => ({
  name,
  args: {
    positions: POSITIONS,
    correlations: POSITIONS.map((_, i) =>
      POSITIONS.map((__, j) => (i === j ? 1 : 0.3 - 0.1 * ((i + j) % 4))),
    ),
    paths: 3000,
    ...args,
  },
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  portfolio('simple returns, normal tails', {}),
  portfolio('log returns, student tails', { returns: 'log', tails: 'student', degrees_of_freedom: 30 }),
  portfolio('returns that saturate', {
    returns: 'log',
    tails: 'student',
    degrees_of_freedom: 3,
    horizon_days: 250,
  }),
  portfolio('sixteen positions', {
    positions: Array.from({ length: 16 }, (_, i) => ({
      name: `position ${i}`,
      exposure: 100 - 13 * i,
      volatility: i / 20,
    })),
    correlations: [],
  }),
  portfolio('the far end of 2^30 paths', { paths: 2 ** 30 - 2 ** 18 + 777 }, 2 ** 12 - 1, 1),
]
