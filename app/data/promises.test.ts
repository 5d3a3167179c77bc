import { describe, expect, it } from 'vitest'
import { promiseOf } from './promises.ts'

describe('what a verification promises', () => {
  it.each([
    [{ mode: 'none' }, 'nobody checks it'],
    // (1 - 0.01)^459 is just below 1 %.
    [{ mode: 'spotcheck', rate: 0.459 }, 'miss them with probability 0.99%'],
    [{ mode: 'quorum', k: 2 }, 'theirs alone with probability 4%'],
    [{ mode: 'full' }, '5% of all shards'],
    [{ mode: 'adaptive', epsilon: 1e-4 }, 'at most 1 in 10,000'],
    [{ mode: 'adaptive', epsilon: 1e-4 }, 'returns 19 wrong results on average'],
    [{ mode: 'algebraic' }, 'at a secret point'],
    [{ mode: 'oracle' }, 'does not know'],
  ])('of %o is said in words', (verify, words) => {
    expect(promiseOf(verify, 1000)).toContain(words)
  })
})
