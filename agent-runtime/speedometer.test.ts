import { expect, it } from 'vitest'
import { Speedometer } from './speedometer.ts'

it('gives rates over the last ten seconds and forgets what is older', () => {
  const speed = new Speedometer()
  expect(speed.rates(0)).toEqual({ shards_per_s: 0, work_units_per_s: 0 })
  for (let ms = 0; ms <= 8000; ms += 500) speed.mark(ms, 30)
  expect(speed.rates(8000)).toEqual({ shards_per_s: 2, work_units_per_s: 60 })
  expect(speed.rates(30_000)).toEqual({ shards_per_s: 0, work_units_per_s: 0 })
})

it('counts every shard of a burst', () => {
  const speed = new Speedometer()
  speed.mark(0, 1)
  for (let i = 0; i < 1000; i++) speed.mark(1000, 2)
  expect(speed.rates(2000)).toEqual({ shards_per_s: 500, work_units_per_s: 1000 })
})
