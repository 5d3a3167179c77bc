import type { Summary } from '../op.ts'
import type { ElementwiseArgs } from './args.ts'
import { chartsOf, type ElementwiseResult } from './result.ts'

export function summariseElementwise(args: ElementwiseArgs, result: ElementwiseResult): Summary {
  const [rows, columns] = result.shape
  return {
    headline: { label: `y = ${args.operation}(a, b)`, value: `${rows} × ${columns} ${result.dtype}` },
    figures: [
      {
        label: 'Saturated elements',
        value: result.saturated,
        note: result.saturated === 0 ? 'Every element is exact.' : `Their values lie beyond ${result.dtype}.`,
      },
      { label: 'Smallest element', value: result.min },
      { label: 'Largest element', value: result.max },
      { label: 'Sum of elements', value: result.sum },
      {
        label: 'SHA-256 of y',
        value: result.digest,
        note: `of its bytes, row-major little-endian ${result.dtype}`,
      },
    ],
    charts: chartsOf(result),
    notes:
      args.shift === 0
        ? []
        : [
            `Divided by ${2 ** args.shift} and rounded to the nearest integer, a half upwards, after the operation.`,
          ],
  }
}
