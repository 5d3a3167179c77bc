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

function floating(name: string, args: JsonObject): EqualityContract {
  const { strike: _, ...rest } = OPTION
  return { name, args: { ...rest, style: 'lookback', strike_type: 'floating', ...args } }
}

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
  gbm('digital call', { style: 'digital', payout: 7 }),
  gbm('up-and-out call, 4,096 steps', {
    style: 'barrier',
    barrier_type: 'up_and_out',
    barrier: 130,
    steps: 4096,
    paths: 60,
  }),
  gbm('down-and-in put with a rebate and Greeks', {
    style: 'barrier',
    barrier_type: 'down_and_in',
    barrier: 90,
    rebate: 3,
    right: 'put',
    steps: 13,
    paths: 400,
    greeks: true,
  }),
  gbm('lookback put, fixed strike, one step', {
    style: 'lookback',
    strike_type: 'fixed',
    right: 'put',
    steps: 1,
  }),
  floating('lookback call, floating strike, wild', { right: 'call', volatility: 1.3, maturity_years: 1 }),
  floating('lookback put, floating strike, Greeks', { right: 'put', paths: 200, greeks: true }),
  gbm('European call with Greeks, falling drift', { rate: -0.5, steps: 3, greeks: true }),
  gbm(
    'Asian put with Greeks, the far end of 2^30 paths',
    {
      style: 'asian',
      right: 'put',
      steps: 252,
      paths: 2 ** 30 - 1021,
      greeks: true,
    },
    2 ** 20 - 1,
    1,
  ),
]
