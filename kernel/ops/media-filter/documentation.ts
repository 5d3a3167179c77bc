import { documentationFor } from '../documentation.ts'
import { numbers } from '../documented-operands.ts'
import { filterSpec } from './index.ts'

export const documentation = documentationFor(filterSpec, {
  invariants: ['A tile has exactly its pixels.'],
  accuracy: 'Weights are multiples of 2^-15 that add up to one; a pixel is rounded once.',
  oracle: {
    statement:
      'A blur whose weights add up to one leaves a picture of one colour as it is, also at its edges.',
    source: 'The sum of the weights.',
    args: { filter: 'blur', sigma: 3 },
    operands: () => ({ image: numbers('uint8', [64, 64, 4], (i) => [200, 100, 50, 255][i % 4] as number) }),
    check: ({ sums }) =>
      (['Red', 'Green', 'Blue', 'Alpha'] as const).map((name, i) => ({
        name: `${name}, sum over the pixels`,
        actual: sums[i] as number,
        expected: 64 * 64 * ([200, 100, 50, 255][i] as number),
        tolerance: 0,
      })),
  },
})
