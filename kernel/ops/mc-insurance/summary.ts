import { Z_95 } from '../../numerics/interval.ts'
import type { ChartSpec, Figure, Summary } from '../op.ts'
import { convergenceChart, plusMinus } from '../option.ts'
import type { InsuranceArgs } from './args.ts'
import type { InsuranceResult } from './result.ts'

const unit = 'currency'

export function summariseInsurance(args: InsuranceArgs, result: InsuranceResult): Summary {
  const figures: Figure[] = [
    { label: 'Standard error', value: result.standard_error, unit },
    ...(result.expected === null
      ? []
      : [
          {
            label: 'Exact mean',
            value: result.expected,
            unit,
            note: 'Frequency times mean payment, in closed form.',
          },
        ]),
    { label: 'Standard deviation of a year', value: result.standard_deviation, unit },
    {
      label: 'Claims and catastrophes a year',
      value: result.mean_claims,
      note: `Their frequencies add up to ${args.claim_frequency + args.catastrophe_frequency}.`,
    },
    { label: 'Years without a payment', value: 100 * result.zero_fraction, unit: '%' },
    ...result.quantiles.map(({ return_period, low, high }) => ({
      label: `Loss exceeded once in ${return_period} years`,
      value: (low + high) / 2,
      unit,
      note: 'The middle of its bin, which is at most a sixteenth wide.',
    })),
    { label: 'Worst year', value: result.worst, unit },
    { label: 'Years', value: result.years, unit: 'years' },
  ]
  const charts: ChartSpec[] = []
  if (result.exceedance.length > 0) {
    charts.push({
      kind: 'band',
      title: 'Exceedance: the share of years with at least this loss, with its 95 % interval',
      x: { label: 'Loss of a year', unit },
      y: { label: 'Probability', unit: '%' },
      points: result.exceedance.map(({ loss, probability, standard_error }) => ({
        x: loss,
        y: 100 * probability,
        low: 100 * Math.max(probability - Z_95 * standard_error, 0),
        high: 100 * Math.min(probability + Z_95 * standard_error, 1),
      })),
    })
  }
  charts.push(
    convergenceChart(
      result.convergence,
      { label: 'Years', unit: 'years' },
      { label: 'Mean loss of a year', unit },
      result.expected === null ? undefined : { label: 'Exact mean', y: result.expected },
    ),
  )
  return {
    headline: {
      label: 'Mean loss of a year, the pure premium',
      value: result.mean,
      unit,
      plus_minus: plusMinus(result.standard_error),
    },
    figures,
    charts,
    notes: [
      `Amounts are multiples of ${result.resolution}.`,
      ...(result.saturated > 0
        ? [`${result.saturated} amounts reached the end of their format: the mean is low.`]
        : []),
    ],
  }
}
