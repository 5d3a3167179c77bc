import type { JsonObject } from '../../canonical.ts'
import type { EqualityContract } from '../equality.test-support.ts'

const eta = (name: string, args: JsonObject, first = 0, count = 1): EqualityContract => ({
  name,
  args: {
    segments: [
      { name: 'city', minutes: 18, variation: 0.4 },
      { name: 'motorway', minutes: 42, variation: 0.1 },
      { name: 'walk', minutes: 5, variation: 0 },
    ],
    deadline_minutes: 80,
    bad_weather_probability: 0.2,
    incidents_per_hour: 0.5,
    trips: 3000,
    ...args,
  },
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  eta('three segments', {}),
  eta('always bad weather, many incidents', { bad_weather_probability: 1, incidents_per_hour: 4.5 }),
  eta('sixteen segments', {
    segments: Array.from({ length: 16 }, (_, i) => ({ name: `s${i}`, minutes: 1 + i, variation: i / 8 })),
    traffic_correlation: 1,
  }),
  eta('the far end of 2^30 trips', { trips: 2 ** 30 - 2 ** 19 + 777 }, 2 ** 30 / 2 ** 17 - 4, 1),
]
