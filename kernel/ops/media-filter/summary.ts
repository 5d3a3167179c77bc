import type { Summary } from '../op.ts'
import type { FilterArgs } from './args.ts'
import type { FilterResult } from './result.ts'

export function summariseFilter(args: FilterArgs, { width, height, image, sums }: FilterResult): Summary {
  const what = {
    blur: `blurred with a standard deviation of ${args.sigma} pixels`,
    sharpen: `sharpened by ${args.amount} times the difference from a blur of ${args.sigma} pixels`,
    edge: 'as the magnitude of its gradients',
    resize: `resized to ${width} by ${height} pixels`,
  }[args.filter]
  const pixels = width * height
  return {
    headline: { label: 'Picture', value: `${width} × ${height} pixels` },
    figures: [
      ...['Mean red', 'Mean green', 'Mean blue', 'Mean alpha'].map((label, i) => ({
        label,
        value: (sums[i] ?? 0) / pixels,
        unit: 'of 255',
      })),
      { label: 'SHA-256 of the picture', value: image, note: 'of its RGBA bytes, row-major' },
    ],
    charts: [
      {
        kind: 'image',
        title: 'Result',
        description: `The picture ${what}.`,
        digest: image,
        width,
        height,
      },
    ],
    notes: [
      'Every channel is filtered on its own; pixels beyond a border equal those on it. Weights have 15 fractional bits.',
    ],
  }
}
