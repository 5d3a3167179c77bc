import { z } from 'zod'

export const conv2dArgs = z.strictObject({
  stride: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .meta({ title: 'Stride', description: 'From one output to the next, both ways.', unit: 'pixels' }),
  padding: z
    .int()
    .min(0)
    .max(256)
    .default(0)
    .meta({ title: 'Padding', description: 'Zeros around the image, on each side.', unit: 'pixels' }),
  dilation: z.int().min(1).max(64).default(1).meta({
    title: 'Dilation',
    description: 'From one tap of the kernel to the next, both ways.',
    unit: 'pixels',
  }),
})

export type Conv2dArgs = z.infer<typeof conv2dArgs>
