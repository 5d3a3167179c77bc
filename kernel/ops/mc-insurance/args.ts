import { z } from 'zod'

const amount = (title: string, description: string) =>
  z.number().min(0).max(1e12).meta({ title, description, unit: 'currency' })

export const insuranceArgs = z.strictObject({
  claim_frequency: z.number().min(0).max(150).meta({
    title: 'Claim frequency',
    description: 'Mean number of claims a year; the number is Poisson.',
    unit: 'claims/year',
  }),
  claim_mean: z.number().min(0.01).max(1e10).meta({
    title: 'Mean claim',
    description: 'Mean of a claim before deductible and limit; claims are lognormal.',
    unit: 'currency',
  }),
  claim_deviation: z.number().min(0).max(1e11).meta({
    title: 'Standard deviation of a claim',
    description: 'Before deductible and limit; at most fifty times the mean.',
    unit: 'currency',
  }),
  claim_deductible: amount('Claim deductible', 'What the insured bears of each claim.').default(0),
  claim_limit: amount(
    'Claim limit',
    'The most that is paid for one claim, above its deductible; 0: no limit.',
  ).default(0),
  catastrophe_frequency: z.number().min(0).max(5).default(0).meta({
    title: 'Catastrophe frequency',
    description: 'Mean number of catastrophes a year; the number is Poisson. 0: none.',
    unit: 'events/year',
  }),
  catastrophe_threshold: z.number().min(0.01).max(1e12).default(1_000_000).meta({
    title: 'Catastrophe threshold',
    description: 'The smallest loss of a catastrophe; beyond it losses follow a Pareto distribution.',
    unit: 'currency',
  }),
  catastrophe_tail_index: z.number().min(0.8).max(10).default(1.5).meta({
    title: 'Tail index',
    description: 'Of the Pareto distribution: P(loss > x) = (threshold / x)^index. The smaller, the worse.',
  }),
  catastrophe_limit: z.number().min(0.01).max(1e12).default(100_000_000).meta({
    title: 'Catastrophe limit',
    description: 'The most that is paid for one catastrophe.',
    unit: 'currency',
  }),
  aggregate_deductible: amount('Aggregate deductible', 'Of the sum of a year, what is not paid.').default(0),
  aggregate_limit: amount(
    'Aggregate limit',
    'The most that is paid for a year, above the aggregate deductible; 0: no limit.',
  ).default(0),
  years: z.int().min(1000).max(1_073_741_824).meta({
    title: 'Years',
    description: 'Simulated years. Four times as many halve the standard error.',
    unit: 'years',
  }),
})

export type InsuranceArgs = z.infer<typeof insuranceArgs>
