import type { ChartSpec, Summary } from '../op.ts'
import type { MandelbrotArgs } from './args.ts'
import type { MandelbrotResult } from './result.ts'

export function summariseMandelbrot(args: MandelbrotArgs, result: MandelbrotResult): Summary {
  const { width, height, view } = result
  const pixels = width * height
  const charts: ChartSpec[] = [
    {
      kind: 'image',
      title: 'Escape times',
      description: `The Mandelbrot set around ${args.center_re} ${args.center_im < 0 ? '-' : '+'} ${Math.abs(args.center_im)}i, ${args.span} wide. Black points do not escape; the others have the colour of their escape time.`,
      digest: result.image,
      width,
      height,
    },
  ]
  if (result.inside < pixels) {
    charts.push({
      kind: 'histogram',
      title: 'Points by escape time',
      x: { label: 'Iterations', unit: 'iterations' },
      ...result.escaped,
    })
  }
  return {
    headline: { label: 'Mandelbrot set', value: `${width} × ${height} pixels` },
    figures: [
      { label: 'Points that do not escape', value: (100 * result.inside) / pixels, unit: '%' },
      { label: 'Iterations', value: result.iterations, unit: 'iterations' },
      { label: 'Real part', value: `${view.left} to ${view.right}` },
      { label: 'Imaginary part', value: `${view.bottom} to ${view.top}` },
      { label: 'SHA-256 of the picture', value: result.image, note: 'of its RGBA bytes, row-major' },
      { label: 'SHA-256 of the escape times', value: result.times, note: 'of their int16, row-major' },
    ],
    charts,
    notes: [
      'Orbits are computed in fixed point with 28 fractional bits: near the border of the set an escape time can differ from that of the real numbers, but it is the same on every device.',
    ],
  }
}
