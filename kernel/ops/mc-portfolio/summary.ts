import type { Figure, Summary } from '../op.ts'
import { convergenceChart, drawnHistogram, plusMinus } from '../option.ts'
import type { PortfolioArgs } from './args.ts'
import type { PortfolioResult } from './result.ts'

const unit = 'currency'

export function summarisePortfolio(args: PortfolioArgs, result: PortfolioResult): Summary {
  const { normal } = result
  const figures: Figure[] = [
    {
      label: 'Expected shortfall',
      value: result.expected_shortfall,
      unit,
      plus_minus: plusMinus(result.expected_shortfall_error),
      note: 'Mean loss of the outcomes beyond the value at risk.',
    },
    { label: 'Standard error of the value at risk', value: result.standard_error, unit },
    {
      label: normal.exact ? 'Value at risk in closed form' : 'Value at risk of normal, simple returns',
      value: normal.value_at_risk,
      unit,
      note: normal.exact
        ? 'The loss is normal: the estimate should be within two standard errors.'
        : 'For comparison: what the same volatilities and correlations give without fat tails and compounding.',
    },
    {
      label: normal.exact
        ? 'Expected shortfall in closed form'
        : 'Expected shortfall of normal, simple returns',
      value: normal.expected_shortfall,
      unit,
    },
    {
      label: 'Mean loss',
      value: result.mean_loss,
      unit,
      plus_minus: plusMinus(result.mean_loss_error),
      note: 'Negative: a gain.',
    },
    { label: 'Standard deviation of the loss', value: result.standard_deviation, unit },
    { label: 'Worst loss simulated', value: result.worst_loss, unit },
    { label: 'Gross exposure', value: result.gross_exposure, unit },
    { label: 'Paths', value: result.paths, unit: 'paths' },
    ...result.scenarios.map(({ name, loss }) => ({
      label: `Scenario: ${name}`,
      value: loss,
      unit,
      note: loss < 0 ? 'A gain.' : 'Loss.',
    })),
  ]
  return {
    headline: {
      label: `Value at risk over ${args.horizon_days} days at ${percent(args.confidence)} %`,
      value: result.value_at_risk,
      unit,
      plus_minus: plusMinus(result.standard_error),
    },
    figures,
    charts: [
      {
        kind: 'histogram',
        title: 'Losses of all paths; gains are negative',
        x: { label: 'Loss', unit },
        ...drawnHistogram(result.histogram),
      },
      convergenceChart(
        result.convergence,
        { label: 'Paths', unit: 'paths' },
        { label: 'Value at risk', unit },
        normal.exact ? { label: 'Closed form', y: normal.value_at_risk } : undefined,
      ),
    ],
    notes: notesOf(args, result),
  }
}

/** With up to two decimals. */
function percent(confidence: number): number {
  return Math.round(confidence * 10_000) / 100
}

function notesOf(args: PortfolioArgs, result: PortfolioResult): string[] {
  const notes = [
    'The value at risk is interpolated within its bin of the distribution; the interval does not count the bin.',
  ]
  if (args.tails === 'student')
    notes.push(
      `Student's t with ${args.degrees_of_freedom} degrees of freedom, scaled to the volatilities given.`,
    )
  if (result.saturated > 0)
    notes.push(`${result.saturated} values left the range of their format and count at its end.`)
  return notes
}
