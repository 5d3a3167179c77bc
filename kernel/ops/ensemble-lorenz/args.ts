import { z } from 'zod'

const coordinate = (name: string, low: number, high: number, initial: number) =>
  z
    .number()
    .min(low)
    .max(high)
    .default(initial)
    .meta({
      title: `Initial ${name}`,
      description: `Where the forecast starts, before its error.`,
    })

export const lorenzArgs = z.strictObject({
  sigma: z.number().min(0.1).max(20).default(10).meta({
    title: 'Sigma',
    description: 'Prandtl number of the convection; 10 in the paper of Lorenz.',
  }),
  rho: z.number().min(0).max(35).default(28).meta({
    title: 'Rho',
    description: 'Rayleigh number relative to the onset of convection; chaos from about 24.74 on.',
  }),
  beta: z.number().min(0.1).max(5).default(2.6666666666666665).meta({
    title: 'Beta',
    description: 'Shape of the convection cells; 8/3 in the paper of Lorenz.',
  }),
  x: coordinate('x', -30, 30, 1),
  y: coordinate('y', -30, 30, 1),
  z: coordinate('z', -30, 50, 20),
  initial_error: z.number().min(0.000001).max(1).default(0.001).meta({
    title: 'Initial error',
    description: 'Standard deviation of what each coordinate of the start is wrong by.',
  }),
  time_step: z.number().min(0.0005).max(0.02).default(0.01).meta({
    title: 'Time step',
    description: 'Of the Runge-Kutta method.',
    unit: 'time units',
  }),
  steps: z.int().min(24).max(4096).default(3000).meta({
    title: 'Steps',
    description: 'Length of the forecast.',
    unit: 'steps',
  }),
  coordinate: z.enum(['x', 'y', 'z']).default('x').meta({
    title: 'Coordinate',
    description: 'The one whose mean and spread over the ensemble are reported.',
  }),
  runs: z.int().min(100).max(67_108_864).meta({
    title: 'Runs',
    description: 'Forecasts from perturbed starts.',
    unit: 'runs',
  }),
})

export type LorenzArgs = z.infer<typeof lorenzArgs>
