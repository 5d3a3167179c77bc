import { z } from 'zod'

export const reduceArgs = z.strictObject({
  axis: z.enum(['all', 'rows', 'columns']).default('all').meta({
    title: 'Over',
    description:
      'all: the whole matrix becomes one line. rows: each row is one. columns: each column is one.',
  }),
})

export type ReduceArgs = z.infer<typeof reduceArgs>
