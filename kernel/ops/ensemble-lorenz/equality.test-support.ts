import type { JsonObject } from '../../canonical.ts'
import type { EqualityContract } from '../equality.test-support.ts'

const lorenz = (name: string, args: JsonObject, first = 0, count = 1): EqualityContract => ({
  name,
  args: { steps: 100, runs: 100, ...args },
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  lorenz('the classical system, 4,096 steps', { steps: 4096 }),
  lorenz('states that reach the end of their format', {
    x: 30,
    y: 30,
    z: -30,
    rho: 35,
    sigma: 20,
    time_step: 0.02,
    coordinate: 'z',
  }),
  lorenz('y, a large error', { coordinate: 'y', initial_error: 1, steps: 29 }),
  lorenz('the far end of 2^26 runs', { runs: 2 ** 26 - 2 ** 15 + 77 }, 65_504, 1),
]
