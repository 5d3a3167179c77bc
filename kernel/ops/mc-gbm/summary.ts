import type { ChartSpec, Figure, Summary } from '../op.ts'
import { convergenceChart, drawnHistogram, plusMinus } from '../option.ts'
import type { GbmArgs } from './args.ts'
import { blackScholes, digitalPrice, europeanGreeks } from './closed-forms.ts'
import type { GbmResult } from './result.ts'
import { GREEKS, type Greek } from './scenarios.ts'

export function summariseGbm(args: GbmArgs, result: GbmResult): Summary {
  const closedForm = closedFormOf(args)
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
      label: args.style === 'digital' ? 'Price in closed form' : 'Black-Scholes price',
      value: closedForm,
      unit,
      ...(result.standard_error > 0
        ? { note: `The estimate is ${fixed(distance / result.standard_error)} standard errors from it.` }
        : {}),
    })
  }
  figures.push(...greekFigures(args, result))
  figures.push({
    label: 'Mean price at maturity',
    value: result.forward.estimate,
    unit,
    plus_minus: plusMinus(result.forward.standard_error),
    note: `Theory gives ${sixDigits(result.forward.expected)}: ${fixed(result.forward.z_score)} standard errors away.`,
  })
  for (const { percent, low, high } of args.style === 'digital' ? [] : result.quantiles) {
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
      closedForm === undefined
        ? undefined
        : { label: args.style === 'digital' ? 'Closed form' : 'Black-Scholes', y: closedForm },
    ),
  ]
  // A digital option has one payoff: its bar would say nothing.
  if (result.histogram.counts.length > 0 && args.style !== 'digital') {
    charts.unshift({
      kind: 'histogram',
      title: 'Payoffs of the paths that pay, at exercise',
      x: { label: 'Payoff', unit },
      ...drawnHistogram(result.histogram),
    })
  }
  return {
    headline: {
      label: `${nameOf(args)}, price today`,
      value: result.price,
      unit,
      plus_minus: plusMinus(result.standard_error),
    },
    figures,
    charts,
    notes: notesOf(args, result),
  }
}

function closedFormOf(args: GbmArgs): number | undefined {
  if (args.style === 'european') return blackScholes(args)
  return args.style === 'digital' && args.payout !== undefined ? digitalPrice(args, args.payout) : undefined
}

function nameOf({ style, right, barrier_type, strike_type }: GbmArgs): string {
  switch (style) {
    case 'european':
      return `European ${right}`
    case 'asian':
      return `Asian ${right}`
    case 'digital':
      return `Digital ${right}`
    case 'barrier':
      return `${barrier_type?.startsWith('up') ? 'Up' : 'Down'}-and-${barrier_type?.endsWith('in') ? 'in' : 'out'} ${right}`
    case 'lookback':
      return `Lookback ${right} with a ${strike_type} strike`
  }
}

const GREEK_TEXT: Readonly<Record<Greek, { readonly label: string; readonly unit: string }>> = {
  delta: { label: 'Delta, for 1 of spot', unit: 'currency' },
  gamma: { label: 'Gamma, delta for 1 of spot', unit: '1/currency' },
  vega: { label: 'Vega, for 100 % of volatility', unit: 'currency' },
  rho: { label: 'Rho, for 100 % of rate', unit: 'currency' },
  theta: { label: 'Theta, for a year that passes', unit: 'currency/year' },
}

function greekFigures(args: GbmArgs, { greeks }: GbmResult): Figure[] {
  if (greeks === undefined) return []
  const theory = args.style === 'european' ? europeanGreeks(args) : undefined
  return GREEKS.map((greek) => ({
    ...GREEK_TEXT[greek],
    value: greeks[greek].value,
    plus_minus: plusMinus(greeks[greek].standard_error),
    ...(theory === undefined ? {} : { note: `Black-Scholes gives ${sixDigits(theory[greek])}.` }),
  }))
}

function notesOf(args: GbmArgs, result: GbmResult): string[] {
  const notes = [
    `Prices are multiples of ${sixDigits(result.resolution)}. Normals are accurate to 2e-6 and end at 6.3 standard deviations.`,
  ]
  if (args.style === 'asian')
    notes.push(`The average is that of the prices after each of the ${args.steps} steps.`)
  if (args.style === 'barrier' || args.style === 'lookback')
    notes.push(
      `Prices are watched at the start and after each of the ${args.steps} steps, not in between: a barrier watched all the ` +
        'time is reached more often, and extremes lie further out.',
    )
  if (result.greeks !== undefined)
    notes.push(
      'Greeks are differences over the same paths: spot and volatility by 1 % up and down, gamma 5 %, the rate by one ' +
        'percentage point, the maturity by 1 %.',
    )
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
