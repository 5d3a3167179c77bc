import { expect, it } from 'vitest'
import { TokenBucket } from './token-bucket.ts'

it('allows a burst, then the rate, and keeps no more than the burst', () => {
  const bucket = new TokenBucket(10, 3, 0)
  expect([bucket.take(1, 0), bucket.take(1, 0), bucket.take(1, 0), bucket.take(1, 0)]).toEqual([
    true,
    true,
    true,
    false,
  ])
  expect(bucket.take(1, 99)).toBe(false)
  expect(bucket.take(1, 100)).toBe(true)
  expect(bucket.take(4, 1_000_000)).toBe(false)
  expect(bucket.take(3, 1_000_000)).toBe(true)
})
