import { z } from 'zod'
import type { ChartSpec } from './op.ts'

/** A matrix of integers in small, for people: means of the blocks of an even division, rounded to the nearest integer. */

const PREVIEW_MAX = 32

/** Means of the blocks of an even division into at most 32 x 32, rounded to the nearest integer, a half upwards. */
export const matrixPreview = z.strictObject({
  rows: z.int().min(1).max(PREVIEW_MAX),
  columns: z.int().min(1).max(PREVIEW_MAX),
  values: z.array(z.int()).max(PREVIEW_MAX * PREVIEW_MAX),
})
export type MatrixPreview = z.infer<typeof matrixPreview>

/**
 * @param at the element at a row and column: an integer below 2^31. A block has at most 2^24 / 32 elements (the longer
 * side is cut in 32), so its sum stays below 2^51.
 */
export function previewOf(
  rows: number,
  columns: number,
  at: (row: number, column: number) => number,
): MatrixPreview {
  const down = Math.min(rows, PREVIEW_MAX)
  const across = Math.min(columns, PREVIEW_MAX)
  const values: number[] = []
  for (let i = 0; i < down; i++) {
    const firstRow = Math.floor((i * rows) / down)
    const endRow = Math.floor(((i + 1) * rows) / down)
    for (let j = 0; j < across; j++) {
      const firstColumn = Math.floor((j * columns) / across)
      const endColumn = Math.floor(((j + 1) * columns) / across)
      let sum = 0
      for (let row = firstRow; row < endRow; row++) {
        for (let column = firstColumn; column < endColumn; column++) sum += at(row, column)
      }
      values.push(roundedMean(sum, (endRow - firstRow) * (endColumn - firstColumn)))
    }
  }
  return { rows: down, columns: across, values }
}

/** floor(sum / count + 1/2) without a rounded quotient: `%` is exact. */
function roundedMean(sum: number, count: number): number {
  const doubled = 2 * sum + count
  const divisor = 2 * count
  const rest = ((doubled % divisor) + divisor) % divisor
  return (doubled - rest) / divisor
}

/** The preview as a picture. @param of what the matrix is called, as in "Elements of C" */
export function heatmapOf(of: string, rows: number, columns: number, preview: MatrixPreview): ChartSpec {
  const whole = preview.rows === rows && preview.columns === columns
  return { kind: 'heatmap', title: whole ? `Elements of ${of}` : `Means of blocks of ${of}`, ...preview }
}
