import { expect, it } from 'vitest'
import { Tally } from './tally.ts'

const tally = (): Tally => new Tally({ settled: 2, shards_accepted: 100 })

it('counts what was before it, and apart from that what it has counted itself', () => {
  const counted = tally()
  counted.settled()
  counted.accepted(0, 5)
  expect(counted.view(0)).toMatchObject({ jobs_settled: 3, shards_accepted: 105 })
  expect(counted.since()).toEqual({ jobs_settled: 1, shards_accepted: 5 })
})

it('says the rate of the last ten seconds, however many acceptances it was', () => {
  const counted = tally()
  for (let at_ms = 0; at_ms < 60_000; at_ms++) counted.accepted(at_ms, 3)
  // A tenth of a second is counted together.
  const { shards_per_s } = counted.view(60_000)
  expect(shards_per_s).toBeGreaterThanOrEqual(2970)
  expect(shards_per_s).toBeLessThanOrEqual(3000)
  expect(counted.view(80_000).shards_per_s).toBe(0)
})
