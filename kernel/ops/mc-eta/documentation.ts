import { documentationFor } from '../documentation.ts'
import { etaSpec } from './index.ts'

export const documentation = documentationFor(etaSpec, {
  invariants: [
    'A shard has exactly its trips; each is in one bin.',
    'The largest time is possible and lies in the highest bin used; sums lie between count and count times largest; sum of squares and sum obey Cauchy-Schwarz.',
  ],
  accuracy:
    'A quantile is given as the bin that holds it. Normals and exponentials are accurate to 2e-6, far below the sampling error.',
  oracle: {
    statement:
      'One calm segment is lognormal: the chance to arrive within 75 minutes of a mean of 60 with a variation of 0.3 is a value of the ' +
      'normal distribution function.',
    source:
      'Φ((ln 75 − μ) / σ) with σ² = ln 1.09, μ = ln 60 − σ² / 2, by the series of Abramowitz and Stegun 26.2.11.',
    args: {
      segments: [{ name: 'Road', minutes: 60, variation: 0.3 }],
      deadline_minutes: 75,
      bad_weather_probability: 0,
      incidents_per_hour: 0,
      trips: 2 ** 18,
    },
    check: (result) => [
      {
        name: 'Chance of arriving in time',
        actual: result.on_time,
        expected: 0.8177724037139407,
        tolerance: 4 * result.standard_error,
      },
      {
        name: 'Mean time',
        actual: result.mean,
        expected: 60,
        tolerance: 4 * result.mean_error,
        unit: 'minutes',
      },
    ],
  },
})
