import type { JsonObject } from '../../canonical.ts'
import type { EqualityContract } from '../equality.test-support.ts'

const OPTION = {
  spot: 100,
  strike: 95,
  rate: 0.02,
  volatility: 0.3,
  maturity_years: 2,
  steps: 52,
  paths: 3000,
}

const gbm = (name: string, args: JsonObject, first = 0, count = 1): EqualityContract => ({
  name,
  args: { ...OPTION, style: 'european', right: 'call', ...args },
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  gbm('European call', {}),
  gbm('European put, deep in the money', { right: 'put', strike: 300 }),
  gbm('Asian call', { style: 'asian', steps: 252, paths: 400 }),
  gbm('Asian put, 3 steps', { style: 'asian', right: 'put', steps: 3 }),
  gbm('one step', { steps: 1 }),
  gbm('4,096 steps', { steps: 4096, paths: 100 }),
  gbm('wild: ratios saturate', { volatility: 1.5, maturity_years: 1, steps: 12 }),
  gbm('falling drift', { rate: -0.5, dividend_yield: 0.3, maturity_years: 5 }),
  gbm('a full shard and the last one', { paths: 3 * 65_536 + 5 }, 2, 2),
  gbm('paths beyond 2^32', { steps: 4, paths: 2 ** 33 + 100 }, 8192, 1),
]
