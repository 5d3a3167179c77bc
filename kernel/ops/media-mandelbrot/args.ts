import { z } from 'zod'
import { LIMITS } from '../../limits.ts'

/** Pixels of one side: the RGBA picture of 4096 x 4096 is one blob. */
const SIDE_MAX = 4096
/** One more would not fit the int16 of a leaf, and a loop of a kernel ends at 32,768. */
export const ITERATIONS_MAX = 32_767

const coordinate = (title: string, description: string) =>
  z.number().min(-3.5).max(3.5).meta({ title, description })

const side = (title: string) =>
  z
    .int()
    .min(1)
    .max(SIDE_MAX)
    .meta({
      title,
      description: `Of the picture. At most ${LIMITS.blob_bytes / 4} pixels in all.`,
      unit: 'pixels',
    })

export const mandelbrotArgs = z.strictObject({
  center_re: coordinate('Centre, real part', 'Of the view.').default(-0.5),
  center_im: coordinate('Centre, imaginary part', 'Of the view; positive is up.').default(0),
  span: z
    .number()
    .min(2 ** -26)
    .max(7)
    .meta({
      title: 'Span of the view',
      description:
        'From its left to its right edge. A pixel is at least 2^-26 wide, four units of the fixed point.',
    })
    .default(3),
  width: side('Width').default(1024),
  height: side('Height').default(768),
  max_iterations: z
    .int()
    .min(1)
    .max(ITERATIONS_MAX)
    .meta({
      title: 'Most iterations',
      description: 'A point that has not escaped after so many counts as inside.',
      unit: 'iterations',
    })
    .default(1000),
})

export type MandelbrotArgs = z.infer<typeof mandelbrotArgs>
