import { z } from 'zod'

/** Sweeps of a replica, at most: what one invocation may loop. */
export const MAX_SWEEPS = 1024

export const isingArgs = z.strictObject({
  size: z.literal([4, 8, 16, 32, 64, 128, 256]).meta({
    title: 'Lattice size',
    description: 'Sites along each side of the square lattice, which is periodic.',
  }),
  temperature: z.number().min(0.2).max(100).meta({
    title: 'Temperature',
    description:
      'In units of the coupling over the Boltzmann constant; the infinite lattice orders below 2.269.',
    unit: 'J/k',
  }),
  start: z.enum(['ordered', 'random']).default('ordered').meta({
    title: 'Start',
    description: 'ordered: all spins up. random: each up or down.',
  }),
  burn_in: z
    .int()
    .min(1)
    .max(MAX_SWEEPS - 1)
    .default(256)
    .meta({
      title: 'Burn-in',
      description:
        'Sweeps over the lattice before the first measurement. Near 2.269 large lattices need many.',
      unit: 'sweeps',
    }),
  measured: z
    .int()
    .min(1)
    .max(MAX_SWEEPS - 1)
    .default(256)
    .meta({
      title: 'Measured sweeps',
      description: 'After the burn-in; both together are at most 1,024.',
      unit: 'sweeps',
    }),
  interval: z
    .int()
    .min(1)
    .max(MAX_SWEEPS - 1)
    .default(8)
    .meta({
      title: 'Interval',
      description: 'Sweeps from one measurement to the next; it divides the measured sweeps.',
      unit: 'sweeps',
    }),
  replicas: z.int().min(8).max(16_777_216).meta({
    title: 'Replicas',
    description: 'Independent lattices. Four times as many halve the standard errors.',
    unit: 'replicas',
  }),
})

export type IsingArgs = z.infer<typeof isingArgs>
