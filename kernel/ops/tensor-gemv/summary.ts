import type { Summary } from '../op.ts'
import { bandOf } from '../sequence-facts.ts'
import type { GemvResult } from './result.ts'

export function summariseGemv(result: GemvResult): Summary {
  return {
    headline: { label: 'y = A × x', value: result.length, unit: 'elements' },
    figures: [
      { label: 'Smallest element', value: result.min },
      { label: 'Largest element', value: result.max },
      { label: 'Sum of elements', value: result.sum },
      { label: 'SHA-256 of y', value: result.digest, note: `of its bytes, little-endian ${result.dtype}` },
    ],
    charts: bandOf(
      'Elements of y: mean and range of each block',
      { label: 'Index' },
      { label: 'Element' },
      result,
    ),
    notes: ['Every element is exact: integer products and 64-bit sums, no rounding.'],
  }
}
