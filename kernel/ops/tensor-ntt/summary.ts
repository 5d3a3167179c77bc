import type { Figure, Summary } from '../op.ts'
import type { NttResult } from './result.ts'

const EXACT =
  'Every digit is exact: three prime fields determine the coefficients, which stay below their product.'

export function summariseNtt(result: NttResult): Summary {
  const digest: Figure = { label: 'SHA-256 of c', value: result.digest }
  const { product, coefficients } = result
  if (product !== null) {
    return {
      headline: { label: 'Product', value: result.bits, unit: 'bits' },
      figures: [
        { label: 'Highest digits', value: `0x${product.highest}…`, note: 'its first 64 bits' },
        { label: 'Lowest digits', value: `…${product.lowest}`, note: 'its last 64 bits, hexadecimal' },
        { label: 'Modulo 2^61 - 1', value: product.modulo_m61 },
        { ...digest, note: 'of its 32-bit digits, the lowest first, little-endian' },
      ],
      charts: [],
      notes: [EXACT],
    }
  }
  return {
    headline: { label: 'Convolution', value: result.length, unit: 'coefficients' },
    figures: [
      { label: 'Smallest coefficient', value: coefficients?.min ?? '' },
      { label: 'Largest coefficient', value: coefficients?.max ?? '' },
      {
        label: 'Sum of coefficients',
        value: coefficients?.sum ?? '',
        note: 'the product of the sums of a and b',
      },
      { label: 'Bits of the largest magnitude', value: result.bits, unit: 'bits' },
      { ...digest, note: 'of its coefficients, 96-bit two’s complement, little-endian' },
    ],
    charts:
      coefficients === null || coefficients.blocks.length < 2
        ? []
        : [
            {
              kind: 'band',
              title: 'Coefficients: mean and range of each block',
              x: { label: 'Index' },
              y: { label: 'Coefficient' },
              points: coefficients.blocks.map(({ first, min, mean, max }) => ({
                x: first,
                y: Number(mean),
                low: Number(min),
                high: Number(max),
              })),
            },
          ],
    notes: [EXACT],
  }
}
