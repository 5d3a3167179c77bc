import { z } from 'zod'

export const gemvArgs = z.strictObject({
  transpose: z.boolean().default(false).meta({
    title: 'Transpose',
    description: 'Multiply by the transposed matrix: y has as many elements as A columns.',
  }),
})

export type GemvArgs = z.infer<typeof gemvArgs>
