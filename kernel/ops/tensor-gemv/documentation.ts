import { documentationFor } from '../documentation.ts'
import { numbers } from '../documented-operands.ts'
import { gemvSpec } from './index.ts'

export const documentation = documentationFor(gemvSpec, {
  invariants: ['A shard has exactly its sums, none beyond what so many products can add up to.'],
  accuracy: 'Exact: 64-bit sums of products of int8 or int16.',
  oracle: {
    statement: 'A matrix of ones times the numbers 1 to 100: every element is their sum.',
    source: 'n (n + 1) / 2 = 5,050 for n = 100.',
    args: {},
    operands: () => ({
      a: numbers('int8', [32, 100], () => 1),
      x: numbers('int8', [100], (i) => i + 1),
    }),
    check: (result) => [
      { name: 'Least element', actual: result.min, expected: 5050, tolerance: 0 },
      { name: 'Greatest element', actual: result.max, expected: 5050, tolerance: 0 },
    ],
  },
})
