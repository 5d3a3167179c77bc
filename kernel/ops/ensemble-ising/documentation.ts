import { documentationFor } from '../documentation.ts'
import { isingSpec } from './index.ts'

export const documentation = documentationFor(isingSpec, {
  invariants: [
    'A shard has exactly its replicas and measurements.',
    'Magnetisation and energy lie within their bounds; sums of squares and sums obey Cauchy-Schwarz.',
  ],
  accuracy:
    'Acceptance probabilities are exact to 2^-32, spins are bits. Standard errors come from independent replicas, so that the ' +
    'correlation of a replica with itself does not count.',
  oracle: {
    statement:
      'A lattice of 4 × 4 has 65,536 states: the means over all of them, each with its weight e^(-E / T), are exact.',
    source: 'Sum over all states in double precision, at temperature 2.3.',
    args: {
      size: 4,
      temperature: 2.3,
      start: 'random',
      burn_in: 64,
      measured: 256,
      interval: 4,
      replicas: 4096,
    },
    check: (result) => [
      {
        name: 'Magnetisation',
        actual: result.magnetisation,
        expected: 0.8337989145879048,
        tolerance: 4 * result.standard_error,
      },
      {
        name: 'Energy of a spin',
        actual: result.energy,
        expected: -1.5413114924570286,
        tolerance: 4 * result.energy_error,
      },
    ],
  },
})
