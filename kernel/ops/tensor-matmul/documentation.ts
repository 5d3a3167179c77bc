import { documentationFor } from '../documentation.ts'
import { numbers } from '../documented-operands.ts'
import { matmulSpec } from './index.ts'

export const documentation = documentationFor(matmulSpec, {
  invariants: ['A tile has exactly its elements, none beyond what so many products can add up to.'],
  accuracy:
    'int8 and int16 are exact. float32 is rounded once to 16 or 24 bits that share powers of two by row and column; the result ' +
    'states the largest error, about depth × 2^-14 × amax × bmax for 16 bits. It is not IEEE SGEMM.',
  oracle: {
    statement:
      'Rows and columns of the numbers 1 to 100: every element of the product is the sum of their squares.',
    source: 'n (n + 1) (2 n + 1) / 6 = 338,350 for n = 100 (Archimedes, "On spirals").',
    args: {},
    operands: () => ({
      a: numbers('int8', [64, 100], (i) => (i % 100) + 1),
      b: numbers('int8', [100, 64], (i) => Math.floor(i / 64) + 1),
    }),
    check: (result) => {
      if (result.dtype !== 'int32') return []
      return [
        { name: 'Least element', actual: result.min, expected: 338_350, tolerance: 0 },
        { name: 'Greatest element', actual: result.max, expected: 338_350, tolerance: 0 },
        {
          name: 'Sum of all elements',
          actual: result.sum,
          expected: String(64 * 64 * 338_350),
          tolerance: 0,
        },
      ]
    },
  },
})
