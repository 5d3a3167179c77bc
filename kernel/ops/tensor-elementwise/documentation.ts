import { documentationFor } from '../documentation.ts'
import { numbers } from '../documented-operands.ts'
import { elementwiseSpec } from './index.ts'

export const documentation = documentationFor(elementwiseSpec, {
  invariants: ['A shard has exactly its elements, and the count of those that saturated.'],
  accuracy: 'Exact up to the one rounding of the shift that the contract asks for; saturations are counted.',
  oracle: {
    statement:
      'The multiplication table of 1 to 20 in int8: 127 is the largest element, and every product above it saturates.',
    source:
      'Of the 400 products, 141 are above 127, as can be counted: for a row r those of columns above 127 / r.',
    args: { operation: 'multiply', shift: 0, result: 'int8' },
    operands: () => ({
      a: numbers('uint8', [20, 20], (i) => Math.floor(i / 20) + 1),
      b: numbers('uint8', [1, 20], (i) => i + 1),
    }),
    check: (result) => [
      { name: 'Greatest element', actual: result.max, expected: 127, tolerance: 0 },
      { name: 'Saturations', actual: result.saturated, expected: 141, tolerance: 0 },
      { name: '7 × 8', actual: result.preview.values[6 * 20 + 7] ?? 0, expected: 56, tolerance: 0 },
    ],
  },
})
