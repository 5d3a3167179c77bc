import type { JsonObject } from '../../canonical.ts'
import type { EqualityContract } from '../equality.test-support.ts'

const ising = (name: string, args: JsonObject, first = 0, count = 1): EqualityContract => ({
  name,
  args: { size: 32, temperature: 2.2, burn_in: 10, measured: 20, interval: 4, replicas: 8, ...args },
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  ising('32 x 32', {}),
  ising('64 x 64, random start', { size: 64, start: 'random', burn_in: 3, measured: 4, interval: 2 }),
  ising('128 x 128', { size: 128, burn_in: 1, measured: 2, interval: 1 }),
  ising('256 x 256', { size: 256, burn_in: 1, measured: 2, interval: 2, start: 'random' }),
  ising('16 x 16, random start', { size: 16, start: 'random', replicas: 50 }),
  ising('8 x 8, hot', { size: 8, temperature: 50, start: 'random', replicas: 50 }),
  ising('4 x 4, 1,024 sweeps, cold', { size: 4, temperature: 0.4, burn_in: 1, measured: 1023, interval: 1 }),
  ising('the far end of 2^24 replicas', { size: 8, replicas: 2 ** 24 - 2 ** 15 + 77 }, 32_704, 1),
]
