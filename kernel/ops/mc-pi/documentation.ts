import { fixedToNumber, piQ } from '../../numerics/bigmath.ts'
import { documentationFor } from '../documentation.ts'
import { piSpec } from './index.ts'

export const documentation = documentationFor(piSpec, {
  invariants: ['A shard has exactly its points.', 'No more points lie inside than there are.'],
  accuracy:
    'The count is exact for the random points that are drawn: their coordinates are multiples of 2^-32. The standard error ' +
    'is that of a binomial count; four times as many points halve it.',
  oracle: {
    statement: 'The share of the unit square inside the quarter circle is π / 4.',
    source: 'Archimedes; the digits of π.',
    args: { points: 2 ** 25 },
    check: ({ pi, standard_error }) => [
      { name: 'π', actual: pi, expected: fixedToNumber(piQ(128), 128), tolerance: 4 * standard_error },
    ],
  },
})
