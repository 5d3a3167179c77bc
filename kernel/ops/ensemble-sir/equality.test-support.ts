import type { JsonObject } from '../../canonical.ts'
import type { EqualityContract } from '../equality.test-support.ts'

const sir = (name: string, args: JsonObject, first = 0, count = 1): EqualityContract => ({
  name,
  args: {
    population: 1000,
    initially_infectious: 5,
    transmission_rate: 0.5,
    recovery_rate: 0.25,
    days: 60,
    steps_per_day: 2,
    runs: 300,
    ...args,
  },
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  sir('a village', {}),
  sir('ten million people', { population: 10_000_000, initially_infectious: 50_000, runs: 200 }),
  sir('1,024 steps, most immune', { days: 1024, steps_per_day: 1, initially_immune: 500, runs: 100 }),
  sir('2,928 steps: three stages', { days: 366, steps_per_day: 8, runs: 100 }),
  sir(
    'the far end of 2^26 runs',
    { days: 29, steps_per_day: 1, runs: 2 ** 26 - 2 ** 15 + 777 },
    2 ** 14 - 8,
    1,
  ),
]
