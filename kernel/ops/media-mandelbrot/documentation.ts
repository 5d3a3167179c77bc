import { documentationFor } from '../documentation.ts'
import { mandelbrotSpec } from './index.ts'

export const documentation = documentationFor(mandelbrotSpec, {
  invariants: ['A tile has exactly its points; each escapes after 1 to as many iterations as are run.'],
  accuracy:
    'Orbits are computed in Q28, so that pixels closer together than about 4e-9 are the same; times near the edge of the set are ' +
    'those of the rounded orbits.',
  oracle: {
    statement:
      'The share of pixels inside, times the area of the picture, comes near the area of the set from above.',
    source:
      'Förstemann, "Numerical estimation of the area of the Mandelbrot set" (2012): 1.5065918849. The tolerance of 1 % is for pixels ' +
      'and finitely many iterations.',
    args: { center_re: -0.5, center_im: 0, span: 3.2, width: 640, height: 512, max_iterations: 2000 },
    check: ({ view, inside, width, height }) => [
      {
        name: 'Area',
        actual: ((view.right - view.left) * (view.top - view.bottom) * inside) / (width * height),
        expected: 1.5065918849,
        tolerance: 0.015,
      },
    ],
  },
})
