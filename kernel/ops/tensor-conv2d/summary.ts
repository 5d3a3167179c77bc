import { heatmapOf } from '../matrix-preview.ts'
import type { Summary } from '../op.ts'
import type { Conv2dResult } from './result.ts'

export function summariseConv2d(result: Conv2dResult): Summary {
  const [images, channels, rows, columns] = result.shape
  return {
    headline: { label: 'y = x ⋆ w', value: `${images} × ${channels} × ${rows} × ${columns} int32` },
    figures: [
      { label: 'Smallest output', value: result.min },
      { label: 'Largest output', value: result.max },
      { label: 'Sum of outputs', value: result.sum },
      { label: 'SHA-256 of y', value: result.digest, note: 'of its bytes, row-major little-endian int32' },
    ],
    charts: [heatmapOf('the first channel of the first image', rows, columns, result.preview)],
    notes: [
      'A cross-correlation, as neural networks use it: the kernel is not flipped. Every output is exact: integer products and sums, no rounding.',
    ],
  }
}
