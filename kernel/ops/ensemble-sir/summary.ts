import type { Summary } from '../op.ts'
import { convergenceChart, plusMinus } from '../option.ts'
import type { SirArgs } from './args.ts'
import type { SirResult } from './result.ts'

export function summariseSir(args: SirArgs, result: SirResult): Summary {
  const unit = 'people'
  return {
    headline: {
      label: 'People ever infected, in the mean',
      value: 100 * result.attack_rate,
      unit: '%',
      plus_minus: 100 * plusMinus(result.standard_error),
    },
    figures: [
      {
        label: 'Runs with a large outbreak',
        value: 100 * result.outbreak_probability,
        unit: '%',
        plus_minus: 100 * plusMinus(result.outbreak_error),
        note: 'A tenth of the population or more was infected.',
      },
      {
        label: 'Basic reproduction number',
        value: result.reproduction_number,
        note: 'Transmission rate over recovery rate.',
      },
      {
        label: 'Most infectious people at once',
        value: result.mean_peak,
        unit,
        plus_minus: plusMinus(result.mean_peak_error),
        note: 'Mean over the runs.',
      },
      { label: 'Day of the peak', value: result.mean_peak_day, unit: 'days', note: 'Mean over the runs.' },
      { label: 'Largest peak of all runs', value: result.largest_peak, unit },
      { label: 'Standard error', value: 100 * result.standard_error, unit: '%' },
      { label: 'Runs', value: result.runs, unit: 'runs' },
    ],
    charts: [
      {
        kind: 'band',
        title: 'Infectious people: the median, and nine of ten runs',
        x: { label: 'Day', unit: 'days' },
        y: { label: 'Infectious', unit },
        points: [
          {
            x: 0,
            y: args.initially_infectious,
            low: args.initially_infectious,
            high: args.initially_infectious,
          },
          ...result.course.map(({ day, median, percent_5, percent_95 }) => ({
            x: day,
            y: median,
            low: percent_5,
            high: percent_95,
          })),
        ],
      },
      convergenceChart(result.convergence, { label: 'Runs', unit: 'runs' }, { label: 'Share ever infected' }),
    ],
    notes: [
      'People mix evenly, and an infectious person infects from the first moment on.',
      `Infections and recoveries of a step of 1/${args.steps_per_day} day are Poisson with the rates at its start (tau-leaping); from a mean of 12 on they are drawn as rounded normals.`,
    ],
  }
}
