import { z } from 'zod'

const price = (title: string, description: string) =>
  z.number().min(0.0001).max(1_000_000_000).meta({ title, description, unit: 'currency' })

const yearlyRate = z.number().min(-1).max(1)

const variance = (title: string, description: string) =>
  z.number().min(0.0001).max(1).meta({ title, description, unit: '1/year' })

export const hestonArgs = z.strictObject({
  spot: price('Spot price', 'Price of the underlying today.'),
  strike: price('Strike', 'Price at which the option is exercised.'),
  rate: yearlyRate.meta({
    title: 'Interest rate',
    description: 'Continuously compounded; 0.05 is 5 % a year.',
    unit: '1/year',
  }),
  dividend_yield: yearlyRate.default(0).meta({
    title: 'Dividend yield',
    description: 'Continuous; 0.02 is 2 % a year.',
    unit: '1/year',
  }),
  initial_variance: variance(
    'Initial variance',
    'Square of the volatility today; 0.04 is a volatility of 20 %.',
  ),
  long_run_variance: variance('Long-run variance', 'What the variance reverts to (theta).'),
  mean_reversion: z.number().min(0).max(20).meta({
    title: 'Mean reversion',
    description: 'Speed at which the variance returns to its long-run value (kappa).',
    unit: '1/year',
  }),
  variance_volatility: z.number().min(0).max(5).meta({
    title: 'Volatility of variance',
    description: 'How strongly the variance itself fluctuates (xi).',
    unit: '1/year',
  }),
  correlation: z.number().min(-1).max(1).meta({
    title: 'Correlation',
    description: 'Between the shocks to price and variance (rho); negative for most shares.',
  }),
  maturity_years: z.number().min(0.001).max(30).meta({
    title: 'Maturity',
    description: 'Time to exercise.',
    unit: 'years',
  }),
  steps: z.int().min(1).max(4096).meta({
    title: 'Time steps',
    description: 'Equal steps to maturity; more of them lessen the bias of the Euler scheme.',
    unit: 'steps',
  }),
  paths: z.int().min(2).max(1_073_741_824).meta({
    title: 'Paths',
    description: 'Simulated paths. Four times as many halve the standard error.',
    unit: 'paths',
  }),
  right: z.enum(['call', 'put']).meta({
    title: 'Right',
    description: 'call: to buy at the strike. put: to sell at the strike.',
  }),
})

export type HestonArgs = z.infer<typeof hestonArgs>
