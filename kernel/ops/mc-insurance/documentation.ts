import { documentationFor } from '../documentation.ts'
import { insuranceSpec } from './index.ts'

export const documentation = documentationFor(insuranceSpec, {
  invariants: [
    'A shard has exactly its years; each is in one bin or among the zeros.',
    'The largest loss is possible and lies in the highest bin used; sums lie between count and count times largest; sum of squares and sum obey Cauchy-Schwarz.',
  ],
  accuracy:
    'Losses are multiples of the resolution that the result states; severities come from normals accurate to 2e-6. A loss of a return ' +
    'period is given as the bin that holds it, a sixteenth of an octave wide.',
  oracle: {
    statement:
      'Without limits the mean of a compound Poisson loss is frequency times mean claim, and its deviation the root of frequency ' +
      'times second moment; years without a claim have probability e^-6.',
    source: 'Wald (1944); the Poisson distribution. e^-6 = 0.0024787521766663585.',
    args: { claim_frequency: 6, claim_mean: 100, claim_deviation: 50, years: 2 ** 17 },
    check: (result) => [
      {
        name: 'Pure premium',
        actual: result.mean,
        expected: 600,
        tolerance: 4 * result.standard_error,
        unit: 'currency',
      },
      {
        name: 'Standard deviation',
        actual: result.standard_deviation,
        expected: Math.sqrt(6 * (100 * 100 + 50 * 50)),
        tolerance: 4,
        unit: 'currency',
      },
      {
        name: 'Years without loss',
        actual: result.zero_fraction,
        expected: 0.0024787521766663585,
        tolerance: 4 * Math.sqrt(0.0024787521766663585 / 2 ** 17),
      },
    ],
  },
})
