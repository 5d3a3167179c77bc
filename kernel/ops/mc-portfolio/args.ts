import { z } from 'zod'

/** Positions of a portfolio, at most: a Cholesky row of four vec4. */
export const MAX_POSITIONS = 16
const MAX_SCENARIOS = 16

const name = (what: string) =>
  z
    .string()
    .min(1)
    .max(40)
    .meta({ title: 'Name', description: `How the ${what} is called in the result.` })

const position = z.strictObject({
  name: name('position'),
  exposure: z.number().min(-1e12).max(1e12).meta({
    title: 'Exposure',
    description: 'Value of the position today; negative for a short position.',
    unit: 'currency',
  }),
  volatility: z.number().min(0).max(3).meta({
    title: 'Volatility',
    description: 'Standard deviation of the yearly return; 0.2 is 20 %.',
    unit: '1/sqrt(year)',
  }),
  expected_return: z.number().min(-1).max(1).default(0).meta({
    title: 'Expected return',
    description: 'Mean return a year; 0.05 is 5 %.',
    unit: '1/year',
  }),
})

const scenario = z.strictObject({
  name: name('scenario'),
  shocks: z.array(z.number().min(-1).max(10)).min(1).max(MAX_POSITIONS).meta({
    title: 'Shocks',
    description: 'Return of each position in the scenario, in their order; -0.2 is a loss of 20 %.',
  }),
})

export const portfolioArgs = z.strictObject({
  positions: z.array(position).min(1).max(MAX_POSITIONS).meta({
    title: 'Positions',
    description: 'One to sixteen positions: name, exposure, volatility and expected return.',
  }),
  correlations: z
    .array(z.array(z.number().min(-1).max(1)).max(MAX_POSITIONS))
    .max(MAX_POSITIONS)
    .default([])
    .meta({
      title: 'Correlations',
      description:
        'The square matrix of correlations of the returns, row by row: symmetric, with ones on its diagonal, positive ' +
        'semidefinite. An empty list: no position is correlated with another.',
    }),
  horizon_days: z.number().min(0.1).max(1260).default(10).meta({
    title: 'Horizon',
    description: 'Trading days over which the loss is measured; a year has 252.',
    unit: 'days',
  }),
  confidence: z.number().min(0.8).max(0.9999).default(0.99).meta({
    title: 'Confidence level',
    description: 'The share of outcomes with a smaller loss than the value at risk; 0.99 is 99 %.',
  }),
  returns: z.enum(['simple', 'log']).default('simple').meta({
    title: 'Returns',
    description:
      'simple: the relative change of each position has the given distribution. log: its logarithm has, so that no position loses more than all.',
  }),
  tails: z.enum(['normal', 'student']).default('normal').meta({
    title: 'Tails',
    description:
      "normal: the multivariate normal distribution. student: Student's multivariate t, whose extreme losses are larger and come together; it keeps the volatilities.",
  }),
  degrees_of_freedom: z.int().min(3).max(30).default(5).meta({
    title: 'Degrees of freedom',
    description: "Of Student's t: the fewer, the heavier the tails. Unused for normal tails.",
  }),
  scenarios: z.array(scenario).max(MAX_SCENARIOS).default([]).meta({
    title: 'Stress scenarios',
    description:
      'Named scenarios with a return for each position; their losses are stated beside the simulated ones.',
  }),
  paths: z.int().min(1000).max(1_073_741_824).meta({
    title: 'Paths',
    description: 'Simulated outcomes. Four times as many halve the standard error.',
    unit: 'paths',
  }),
})

export type PortfolioArgs = z.infer<typeof portfolioArgs>
