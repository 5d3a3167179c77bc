import type { JsonObject } from '../../canonical.ts'
import type { EqualityContract } from '../equality.test-support.ts'

const insurance = (name: string, args: JsonObject, first = 0, count = 1): EqualityContract => ({
  name,
  args: {
    claim_frequency: 6,
    claim_mean: 100,
    claim_deviation: 150,
    claim_deductible: 20,
    claim_limit: 500,
    catastrophe_frequency: 0.4,
    catastrophe_threshold: 1000,
    catastrophe_limit: 20_000,
    years: 3000,
    ...args,
  },
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  insurance('every term', { aggregate_deductible: 100, aggregate_limit: 5000 }),
  insurance('no terms, many claims', { claim_frequency: 150, claim_limit: 0, years: 1000 }),
  insurance('catastrophes with a heavy tail', {
    claim_frequency: 0,
    catastrophe_frequency: 5,
    catastrophe_tail_index: 0.8,
    catastrophe_limit: 1e12,
  }),
  insurance('a full shard and the last one', { claim_frequency: 100, years: 3 * 8192 + 5 }, 2, 2),
  insurance('the far end of 2^30 years', { years: 2 ** 30 - 2 ** 17 + 777 }, 2 ** 13 - 1, 1),
]
