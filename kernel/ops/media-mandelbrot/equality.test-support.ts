import type { JsonObject } from '../../canonical.ts'
import type { EqualityContract } from '../equality.test-support.ts'

const mandelbrot = (name: string, args: JsonObject, first = 0, count = 1): EqualityContract => ({
  name,
  args,
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  mandelbrot('the whole set', { width: 61, height: 47, max_iterations: 200 }),
  mandelbrot('one pixel', { width: 1, height: 1, max_iterations: 1 }),
  mandelbrot('points far outside', { center_re: -3, center_im: 3, span: 1, width: 40, height: 30 }),
  mandelbrot(
    'several tiles, the last ones short',
    { center_re: -0.75, center_im: 0.1, span: 0.01, width: 300, height: 140, max_iterations: 700 },
    2,
    4,
  ),
  mandelbrot('the longest loop', {
    center_re: -0.1,
    span: 0.0001,
    width: 5,
    height: 3,
    max_iterations: 32_767,
  }),
]
