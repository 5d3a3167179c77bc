import type { ChartSpec, Figure, Summary } from '../op.ts'
import { convergenceChart, drawnHistogram, plusMinus } from '../option.ts'
import type { GbmArgs } from './args.ts'
import { blackScholes, type GbmResult } from './result.ts'

export function summariseGbm(args: GbmArgs, result: GbmResult): Summary {
  const closedForm = args.style === 'european' ? blackScholes(args) : undefined
  const unit = 'currency'
  const figures: Figure[] = [
    { label: 'Standard error', value: result.standard_error, unit },
    { label: 'Paths', value: result.paths, unit: 'paths' },
    { label: 'Paths that pay nothing', value: 100 * result.zero_fraction, unit: '%' },
    { label: 'Discount factor', value: result.discount_factor },
  ]
  if (closedForm !== undefined) {
    const distance = result.price - closedForm
    figures.push({
      label: 'Black-Scholes price',
      value: closedForm,
      unit,
      ...(result.standard_error > 0
        ? { note: `The estimate is ${fixed(distance / result.standard_error)} standard errors from it.` }
        : {}),
    })
  }
  figures.push({
    label: 'Mean price at maturity',
    value: result.forward.estimate,
    unit,
    plus_minus: plusMinus(result.forward.standard_error),
    note: `Theory gives ${sixDigits(result.forward.expected)}: ${fixed(result.forward.z_score)} standard errors away.`,
  })
  for (const { percent, low, high } of result.quantiles) {
    figures.push({
      label: `${percent} % of payoffs are at most`,
      value: (low + high) / 2,
      unit,
      note: low === high ? 'Exact.' : `Between ${sixDigits(low)} and ${sixDigits(high)}.`,
    })
  }
  const charts: ChartSpec[] = [
    convergenceChart(
      result.convergence,
      { label: 'Paths', unit: 'paths' },
      { label: 'Price', unit },
      closedForm === undefined ? undefined : { label: 'Black-Scholes', y: closedForm },
    ),
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
      label: `${args.style === 'asian' ? 'Asian' : 'European'} ${args.right}, price today`,
      value: result.price,
      unit,
      plus_minus: plusMinus(result.standard_error),
    },
    figures,
    charts,
    notes: notesOf(args, result),
  }
}

function notesOf(args: GbmArgs, result: GbmResult): string[] {
  const notes = [
    `Prices are multiples of ${sixDigits(result.resolution)}. Normals are accurate to 2e-6 and end at 6.3 standard deviations.`,
  ]
  if (args.style === 'asian')
    notes.push(`The average is that of the prices after each of the ${args.steps} steps.`)
  if (result.saturated > 0) {
    notes.push(
      `${result.saturated} prices left the range of the format and count at its upper end: the price is low.`,
    )
  }
  if (result.paths * Math.min(result.zero_fraction, 1 - result.zero_fraction) < 100) {
    notes.push('Fewer than 100 paths pay, or fewer than 100 pay nothing: the interval may be too narrow.')
  }
  return notes
}

/** Two decimals, for notes: Number.toFixed is a formatting function of the host and not used in the kernel. */
function fixed(value: number): string {
  const hundredths = Math.round(Math.abs(value) * 100)
  const whole = Math.floor(hundredths / 100)
  return `${value < 0 ? '-' : ''}${whole}.${String(hundredths % 100).padStart(2, '0')}`
}

/** About six significant digits, for notes. */
function sixDigits(value: number): number {
  let scale = 1
  while (Math.abs(value) * scale < 1e5 && scale < 1e12) scale *= 10
  return Math.round(value * scale) / scale
}
