import { heatmapOf } from '../matrix-preview.ts'
import type { Figure, Summary } from '../op.ts'
import type { MatmulResult } from './product.ts'

const PREFIX_DIGITS = 12

export function summariseProduct(result: MatmulResult): Summary {
  const [rows, columns] = result.shape
  const figures: Figure[] = [
    { label: 'Smallest element', value: result.min },
    { label: 'Largest element', value: result.max },
    { label: 'Sum of elements', value: result.sum },
    { label: 'Sum of squares', value: result.frobenius_squared, note: 'the Frobenius norm, squared' },
    { label: 'SHA-256 of C', value: result.digest, note: 'of its bytes, row-major little-endian int32' },
  ]
  if (result.trace !== null) figures.splice(2, 0, { label: 'Trace', value: result.trace })
  return {
    headline: {
      label: 'C = A × B',
      value: `${rows} × ${columns} int32, sha256 ${result.digest.slice(0, PREFIX_DIGITS)}…`,
    },
    figures,
    charts: [heatmapOf('C', rows, columns, result.preview)],
    notes: ['Every element is exact: integer products and sums, no rounding.'],
  }
}
