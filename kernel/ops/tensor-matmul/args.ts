import { z } from 'zod'

const BATCH_MAX = 65_536

const transpose = (name: string, shape: string) =>
  z.exactOptional(
    z.boolean().meta({
      title: `Transpose ${name}`,
      description: `${name} is given as ${shape}. Left out: no.`,
    }),
  )

/** Left-out arguments stay out of the contract, so that the plainest product has none. */
export const matmulArgs = z.strictObject({
  transpose_a: transpose('A', '[depth, rows]'),
  transpose_b: transpose('B', '[columns, depth]'),
  batch: z.exactOptional(
    z.int().min(2).max(BATCH_MAX).meta({
      title: 'Batch',
      description: 'A and B are so many matrices one below another, and so is C. Left out: one.',
      unit: 'products',
    }),
  ),
  bits: z.exactOptional(
    z.literal([16, 24]).meta({
      title: 'Bits of float32 operands',
      description:
        'Each row of A and each column of B is rounded to integers of so many bits that share a power of two. Left out: 16.',
    }),
  ),
})

export type MatmulArgs = z.infer<typeof matmulArgs>
