import { heatmapOf } from '../matrix-preview.ts'
import type { Figure, Summary } from '../op.ts'
import type { MatmulResult } from './product.ts'
import type { FloatProduct } from './wide-product.ts'

const PREFIX_DIGITS = 12

function headlineOf({ shape: [rows, columns], dtype, digest }: MatmulResult): Figure {
  return {
    label: 'C = A × B',
    value: `${rows} × ${columns} ${dtype}, sha256 ${digest.slice(0, PREFIX_DIGITS)}…`,
  }
}

export function summariseProduct(result: MatmulResult): Summary {
  if (result.dtype === 'float32') return summariseFloats(result)
  const [rows, columns] = result.shape
  const figures: Figure[] = [
    { label: 'Smallest element', value: result.min },
    { label: 'Largest element', value: result.max },
    { label: 'Sum of elements', value: result.sum },
  ]
  if (result.dtype === 'int32') {
    figures.push({
      label: 'Sum of squares',
      value: result.frobenius_squared,
      note: 'the Frobenius norm, squared',
    })
  }
  figures.push({
    label: 'SHA-256 of C',
    value: result.digest,
    note: `of its bytes, row-major little-endian ${result.dtype}`,
  })
  if (result.trace !== null) figures.splice(2, 0, { label: 'Trace', value: result.trace })
  return {
    headline: headlineOf(result),
    figures,
    charts: [heatmapOf('C', rows, columns, result.preview)],
    notes: ['Every element is exact: integer products and sums, no rounding.'],
  }
}

function summariseFloats(result: FloatProduct): Summary {
  const [rows, columns] = result.shape
  return {
    headline: headlineOf(result),
    figures: [
      { label: 'Smallest element', value: result.min },
      { label: 'Largest element', value: result.max },
      { label: 'Sum of squares', value: result.frobenius_squared, note: 'the Frobenius norm, squared' },
      {
        label: 'Largest possible error',
        value: result.error_bound,
        note: 'of an element, before it is rounded to float32',
      },
      { label: 'Elements that are not finite', value: result.not_finite },
      { label: 'SHA-256 of C', value: result.digest, note: 'of its bytes, row-major little-endian float32' },
    ],
    charts: [heatmapOf('C', rows, columns, result.preview)],
    notes: [
      `Rows of A and columns of B were rounded once to ${result.bits}-bit integers that share a power of two; their product is exact, and the same on every device. This is not IEEE single-precision arithmetic step by step.`,
    ],
  }
}
