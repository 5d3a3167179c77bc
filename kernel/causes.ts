import type { OpRef } from './contract.ts'

/** What contributors choose among: the families of the network's ops, with what they are for. */
export const CAUSES = {
  ensemble: {
    title: 'Ensembles',
    about: 'epidemics, magnets, weather, resampling: the same model many times',
  },
  mc: { title: 'Monte Carlo', about: 'prices, risks and arrival times from random paths' },
  media: { title: 'Pictures', about: 'filters and fractals' },
  tensor: { title: 'Exact arithmetic', about: 'matrices, convolutions, large products' },
} as const

export type Cause = keyof typeof CAUSES

export const CAUSE_NAMES = Object.keys(CAUSES) as [Cause, ...Cause[]]

/** Of an op: its family, such as `mc`. */
export function causeOf(op: OpRef): string {
  return op.name
}
