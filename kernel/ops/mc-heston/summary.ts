import type { ChartSpec, Figure, Summary } from '../op.ts'
import { convergenceChart, drawnHistogram, plusMinus } from '../option.ts'
import type { HestonArgs } from './args.ts'
import type { HestonResult } from './result.ts'

const unit = 'currency'

export function summariseHeston(args: HestonArgs, result: HestonResult): Summary {
  const figures: Figure[] = [
    { label: 'Standard error', value: result.standard_error, unit },
    { label: 'Paths', value: result.paths, unit: 'paths' },
    { label: 'Paths that pay nothing', value: 100 * result.zero_fraction, unit: '%' },
    { label: 'Discount factor', value: result.discount_factor },
    { label: 'Mean price at maturity', value: result.forward.estimate, unit },
    {
      label: 'Mean price in theory',
      value: result.forward.expected,
      unit,
      note: 'Spot times e^((rate - dividend yield) maturity), whatever the variance does.',
    },
    ...result.quantiles.map(({ percent, low, high }) => ({
      label: `${percent} % of payoffs are at most`,
      value: (low + high) / 2,
      unit,
      note: 'The middle of its bin.',
    })),
  ]
  const charts: ChartSpec[] = [
    convergenceChart(result.convergence, { label: 'Paths', unit: 'paths' }, { label: 'Price', unit }),
  ]
  if (result.histogram.counts.length > 0) {
    charts.unshift({
      kind: 'histogram',
      title: 'Payoffs of the paths that pay, at exercise',
      x: { label: 'Payoff', unit },
      ...drawnHistogram(result.histogram),
    })
  }
  return {
    headline: {
      label: `European ${args.right} under stochastic variance, price today`,
      value: result.price,
      unit,
      plus_minus: plusMinus(result.standard_error),
    },
    figures,
    charts,
    notes: notesOf(args, result),
  }
}

function notesOf(args: HestonArgs, result: HestonResult): string[] {
  const notes = [
    `The price is that of the Euler scheme with ${args.steps} steps; its bias, about proportional to the step, is not in the standard error.`,
  ]
  const feller = 2 * args.mean_reversion * args.long_run_variance
  if (feller < args.variance_volatility * args.variance_volatility) {
    notes.push(
      'The Feller condition does not hold: the variance reaches zero, where the scheme is least accurate.',
    )
  }
  if (result.saturated > 0) {
    notes.push(`${result.saturated} values left the range of their format and count at its end.`)
  }
  if (result.few_outcomes) {
    notes.push('Fewer than 100 paths pay, or fewer than 100 pay nothing: the interval may be too narrow.')
  }
  return notes
}
