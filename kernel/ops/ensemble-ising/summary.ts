import type { Summary } from '../op.ts'
import { convergenceChart, plusMinus } from '../option.ts'
import type { IsingArgs } from './args.ts'
import type { IsingResult } from './result.ts'

export function summariseIsing(args: IsingArgs, result: IsingResult): Summary {
  return {
    headline: {
      label: `Magnetisation per site at T = ${args.temperature}`,
      value: result.magnetisation,
      plus_minus: plusMinus(result.standard_error),
    },
    figures: [
      {
        label: 'Energy per site',
        value: result.energy,
        unit: 'J',
        plus_minus: plusMinus(result.energy_error),
        note: '-2 with all spins alike.',
      },
      {
        label: 'Magnetisation of the infinite lattice',
        value: result.infinite_magnetisation,
        note: 'In closed form; a small lattice rounds the transition at 2.269.',
      },
      { label: 'Heat capacity per site', value: result.heat_capacity, unit: 'k' },
      { label: 'Susceptibility per site', value: result.susceptibility, unit: '1/J' },
      {
        label: 'Binder cumulant',
        value: result.binder_cumulant,
        note: 'Two thirds in order, 0 in disorder; about 0.611 at the transition.',
      },
      { label: 'Standard error', value: result.standard_error },
      { label: 'Replicas', value: result.replicas, unit: 'replicas' },
      { label: 'Measurements', value: result.measurements },
    ],
    charts: [
      {
        kind: 'histogram',
        title: 'Magnetisation per site over all measurements',
        x: { label: 'Magnetisation per site' },
        edges: result.histogram.edges,
        counts: result.histogram.counts,
      },
      convergenceChart(
        result.convergence,
        { label: 'Replicas', unit: 'replicas' },
        { label: 'Magnetisation per site' },
      ),
    ],
    notes: [
      'Standard errors come from the replicas, which are independent; that the burn-in is long enough is the choice of the contract.',
    ],
  }
}
