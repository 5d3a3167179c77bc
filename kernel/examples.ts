import type { ContractInput } from './contract.ts'

/**
 * Contracts that somebody without an account may run once, on test credits. Small enough that the house alone finishes
 * one in a minute, and with a quorum, so that the newcomer sees a verified result.
 */

/** Work units of any example, over all its shards, one copy. */
export const EXAMPLE_WORK_UNITS_MAX = 5_000_000

export interface Example {
  readonly title: string
  /** What the result will be, in a sentence. */
  readonly description: string
  readonly contract: ContractInput
}

const SHARED = {
  contract: 1,
  seed: { mode: 'explicit', value: 'forge-pool example' },
  verify: { mode: 'quorum', k: 2 },
} as const

export const EXAMPLES = {
  pi: {
    title: 'π from 33 million random points',
    description:
      'The share of random points of the unit square that fall into the quarter circle, times four.',
    contract: {
      ...SHARED,
      op: { name: 'mc', version: 1, profile: 'pi.v1' },
      args: { points: 8 * 2 ** 22 },
    },
  },
  option: {
    title: 'Price of a call option',
    description: 'A European call a little above the money, one year, weekly steps, 262,144 simulated paths.',
    contract: {
      ...SHARED,
      op: { name: 'mc', version: 1, profile: 'gbm.v1' },
      args: {
        spot: 100,
        strike: 105,
        rate: 0.03,
        volatility: 0.25,
        maturity_years: 1,
        steps: 52,
        paths: 2 ** 18,
        style: 'european',
        right: 'call',
      },
    },
  },
} as const satisfies Readonly<Record<string, Example>>

export type ExampleId = keyof typeof EXAMPLES
export const EXAMPLE_IDS = ['pi', 'option'] as const satisfies readonly ExampleId[]
