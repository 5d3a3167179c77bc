import { documentationFor } from '../documentation.ts'
import { sirSpec } from './index.ts'

export const documentation = documentationFor(sirSpec, {
  invariants: [
    'A shard has exactly its runs, also at each of the 24 times shown, where the sum fits its bins.',
    'The infected lie between those who are infectious first and all who can be; peaks lie within the infected and the days.',
    'Sums and sums of squares obey Cauchy-Schwarz.',
  ],
  accuracy:
    'People are whole. Infections and recoveries of a step are Poisson leaps, so that shorter steps come closer to the ' +
    'continuous process.',
  oracle: {
    statement:
      'As long as few are infected, an epidemic is a birth and death process: from 3 people with a reproduction number of 2 it dies ' +
      'out with probability (1 / 2)^3.',
    source:
      'Kendall, "On the generalized birth-and-death process" (1948). The tolerance adds 0.01 for the finite steps.',
    args: {
      population: 100_000,
      initially_infectious: 3,
      transmission_rate: 1,
      recovery_rate: 0.5,
      days: 60,
      steps_per_day: 16,
      runs: 4096,
    },
    check: (result) => [
      {
        name: 'Probability of an outbreak',
        actual: result.outbreak_probability,
        expected: 7 / 8,
        tolerance: 4 * result.outbreak_error + 0.01,
      },
    ],
  },
})
