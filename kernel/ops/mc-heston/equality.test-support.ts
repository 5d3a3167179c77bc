import type { JsonObject } from '../../canonical.ts'
import type { EqualityContract } from '../equality.test-support.ts'

const heston = (name: string, args: JsonObject, first = 0, count = 1): EqualityContract => ({
  name,
  args: {
    spot: 100,
    strike: 95,
    rate: 0.02,
    initial_variance: 0.06,
    long_run_variance: 0.04,
    mean_reversion: 2,
    variance_volatility: 0.5,
    correlation: -0.6,
    maturity_years: 1,
    steps: 52,
    paths: 2000,
    right: 'call',
    ...args,
  },
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  heston('call', {}),
  heston('put, odd steps, rising correlation', { right: 'put', steps: 31, correlation: 0.5 }),
  heston('wild: variances reach both ends', {
    initial_variance: 1,
    long_run_variance: 1,
    mean_reversion: 0.5,
    variance_volatility: 1.1,
    maturity_years: 4,
    steps: 400,
    paths: 300,
  }),
  heston('a full shard and the last one', { steps: 4096, paths: 3 * 128 + 5 }, 2, 2),
  heston('the far end of 2^30 paths', { steps: 1000, paths: 2 ** 30 - 509 }, 2 ** 21 - 1, 1),
]
