import { z } from 'zod'

/** Three standard deviations each way are 193 taps. */
const SIGMA_MAX = 32
export const SIDE_MAX = 8192

const side = (title: string) =>
  z
    .int()
    .min(1)
    .max(SIDE_MAX)
    .default(256)
    .meta({ title, description: 'Of the result of "resize".', unit: 'pixels' })

export const filterArgs = z.strictObject({
  filter: z.enum(['blur', 'sharpen', 'edge', 'resize']).meta({
    title: 'Filter',
    description:
      'blur: Gaussian. sharpen: adds the difference from the blurred picture. edge: magnitude of Sobel gradients. ' +
      'resize: linear interpolation, averaging where the picture shrinks.',
  }),
  sigma: z
    .number()
    .min(0.3)
    .max(SIGMA_MAX)
    .default(2)
    .meta({ title: 'Sigma', description: 'Standard deviation of "blur" and "sharpen".', unit: 'pixels' }),
  amount: z
    .number()
    .min(0)
    .max(16)
    .default(1)
    .meta({ title: 'Amount', description: 'How much of the difference "sharpen" adds.' }),
  width: side('Width'),
  height: side('Height'),
})

export type FilterArgs = z.infer<typeof filterArgs>
