import { documentationFor } from '../documentation.ts'
import { numbers } from '../documented-operands.ts'
import { conv2dSpec } from './index.ts'

export const documentation = documentationFor(conv2dSpec, {
  invariants: [
    'A shard has exactly its elements, none beyond what so many products can add up to; those of no channel are zero.',
  ],
  accuracy: 'Exact: 32-bit sums of products of int8.',
  oracle: {
    statement:
      'A Laplacian of a paraboloid r² + c² is 4 at every pixel: the kernel (0 1 0, 1 −4 1, 0 1 0) over pixels −5 to 5.',
    source: 'Second differences of a square are 2, in either direction.',
    args: { stride: 1, padding: 0, dilation: 1 },
    operands: () => ({
      x: numbers(
        'int8',
        [1, 1, 11, 11],
        (i) => (Math.floor(i / 11) - 5) * (Math.floor(i / 11) - 5) + ((i % 11) - 5) * ((i % 11) - 5),
      ),
      w: numbers('int8', [1, 1, 3, 3], (i) => [0, 1, 0, 1, -4, 1, 0, 1, 0][i] as number),
    }),
    check: ({ shape, preview }) => [
      { name: 'Shape', actual: shape.join(' × '), expected: '1 × 1 × 9 × 9', tolerance: 0 },
      { name: 'Different pixels', actual: new Set(preview.values).size, expected: 1, tolerance: 0 },
      { name: 'First pixel', actual: preview.values[0] ?? 0, expected: 4, tolerance: 0 },
    ],
  },
})
