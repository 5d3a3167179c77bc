import { z } from 'zod'

export const nttArgs = z.strictObject({
  operation: z
    .enum(['convolution', 'product'])
    .default('convolution')
    .meta({
      title: 'Operation',
      description:
        'convolution: c[k] = sum of a[i] b[k - i], every coefficient exact. product: a and b are the 32-bit digits of two ' +
        'natural numbers, the lowest first, and c those of their product.',
    }),
})

export type NttArgs = z.infer<typeof nttArgs>
