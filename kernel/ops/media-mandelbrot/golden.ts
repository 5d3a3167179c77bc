import type { GoldenContract } from '../op.ts'

export const goldenMandelbrot = (): readonly GoldenContract[] => [
  {
    args: { center_re: -0.75, center_im: 0.1, span: 0.5, width: 19, height: 11, max_iterations: 60 },
  },
]
