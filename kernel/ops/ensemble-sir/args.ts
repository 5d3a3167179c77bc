import { z } from 'zod'

export const sirArgs = z.strictObject({
  population: z.int().min(100).max(10_000_000).meta({
    title: 'Population',
    description: 'People, all of whom meet each other.',
    unit: 'people',
  }),
  initially_infectious: z.int().min(1).max(10_000_000).default(10).meta({
    title: 'Infectious at the start',
    description: 'Fewer than the population.',
    unit: 'people',
  }),
  initially_immune: z.int().min(0).max(10_000_000).default(0).meta({
    title: 'Immune at the start',
    description: 'Vaccinated or recovered before.',
    unit: 'people',
  }),
  transmission_rate: z.number().min(0).max(10).meta({
    title: 'Transmission rate',
    description: 'People whom one infectious person would infect in a day among the susceptible (beta).',
    unit: '1/day',
  }),
  recovery_rate: z.number().min(0.001).max(5).meta({
    title: 'Recovery rate',
    description: 'One over the mean number of days that a person stays infectious (gamma).',
    unit: '1/day',
  }),
  days: z.int().min(1).max(3650).meta({
    title: 'Days',
    description: 'Length of a run.',
    unit: 'days',
  }),
  steps_per_day: z.int().min(1).max(96).default(4).meta({
    title: 'Steps a day',
    description: 'More of them lessen the bias of the leaps; days times steps a day is 24 to 32,768.',
    unit: '1/day',
  }),
  runs: z.int().min(100).max(67_108_864).meta({
    title: 'Runs',
    description: 'Simulated epidemics. Four times as many halve the standard error.',
    unit: 'runs',
  }),
})

export type SirArgs = z.infer<typeof sirArgs>
