import { z } from 'zod'

export const bootstrapArgs = z.strictObject({
  statistic: z
    .enum(['mean', 'quantile', 'correlation'])
    .default('mean')
    .meta({
      title: 'Statistic',
      description:
        'mean: of the column. quantile: the smallest value that the given percentage of the column does not exceed. ' +
        'correlation: of the column with the other one.',
    }),
  column: z.int().min(0).max(63).default(0).meta({
    title: 'First column',
    description: 'Which column of the data, from 0.',
  }),
  other_column: z.int().min(0).max(63).default(1).meta({
    title: 'Other column',
    description: 'With which the correlation is taken. Unused otherwise.',
  }),
  percent: z.number().min(0.1).max(99.9).default(50).meta({
    title: 'Percentage',
    description: 'Of a quantile; 50 is the median. Unused otherwise.',
    unit: '%',
  }),
  resamples: z.int().min(100).max(262_144).default(10_000).meta({
    title: 'Resamples',
    description: 'How often as many rows as there are are drawn, with replacement.',
    unit: 'resamples',
  }),
})

export type BootstrapArgs = z.infer<typeof bootstrapArgs>
