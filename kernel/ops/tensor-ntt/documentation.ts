import { documentationFor } from '../documentation.ts'
import { numbers } from '../documented-operands.ts'
import { nttSpec } from './index.ts'

export const documentation = documentationFor(nttSpec, {
  invariants: ['A shard has exactly its residues, all below its prime.'],
  accuracy: 'Exact: residues modulo three primes of 31 bits determine every coefficient.',
  oracle: {
    statement: 'The largest number of 4,096 bits times itself: (2^4096 − 1)² = 2^8192 − 2^4097 + 1.',
    source:
      'The binomial formula. Modulo 2^61 − 1, where 2^61 = 1, it is 2^18 − 2^10 + 1 because 8192 = 134 × 61 + 18 and 4097 = 67 × 61 + 10.',
    args: { operation: 'product' },
    operands: () => ({
      a: numbers('uint32', [128], () => 0xffffffff),
      b: numbers('uint32', [128], () => 0xffffffff),
    }),
    check: ({ bits, product }) => [
      { name: 'Bits', actual: bits, expected: 8192, tolerance: 0 },
      { name: 'Highest 64 bits', actual: product?.highest ?? '', expected: 'f'.repeat(16), tolerance: 0 },
      { name: 'Lowest 64 bits', actual: product?.lowest ?? '', expected: '0000000000000001', tolerance: 0 },
      {
        name: 'Modulo 2^61 − 1',
        actual: product?.modulo_m61 ?? '',
        expected: String(2 ** 18 - 2 ** 10 + 1),
        tolerance: 0,
      },
    ],
  },
})
