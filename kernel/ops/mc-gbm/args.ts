import { z } from 'zod'

const price = (title: string, description: string) =>
  z.number().min(0.0001).max(1_000_000_000).meta({ title, description, unit: 'currency' })

const yearlyRate = z.number().min(-1).max(1)

export const gbmArgs = z.strictObject({
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
  volatility: z.number().min(0.001).max(5).meta({
    title: 'Volatility',
    description: 'Standard deviation of the yearly log return; 0.2 is 20 %.',
    unit: '1/sqrt(year)',
  }),
  maturity_years: z.number().min(0.001).max(50).meta({
    title: 'Maturity',
    description: 'Time to exercise.',
    unit: 'years',
  }),
  steps: z.int().min(1).max(4096).meta({
    title: 'Time steps',
    description: 'Equal steps to maturity. An Asian option averages the prices after each of them.',
    unit: 'steps',
  }),
  paths: z.int().min(2).max(1_099_511_627_776).meta({
    title: 'Paths',
    description: 'Simulated price paths. Four times as many halve the standard error.',
    unit: 'paths',
  }),
  style: z.enum(['european', 'asian']).meta({
    title: 'Style',
    description:
      'european: the price at maturity decides. asian: the arithmetic average of the prices after each step.',
  }),
  right: z.enum(['call', 'put']).meta({
    title: 'Right',
    description: 'call: to buy at the strike. put: to sell at the strike.',
  }),
})

export type GbmArgs = z.infer<typeof gbmArgs>
