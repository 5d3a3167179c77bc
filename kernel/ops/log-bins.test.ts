import { expect, test } from 'vitest'
import { anyWord, property } from '../numerics/property.test-support.ts'
import { logBin, logBinEdge } from './log-bins.ts'

test('a value lies in its bin, whose width is at most a sixteenth of it', () => {
  property(
    'logBin',
    [anyWord],
    (word) => {
      const value = word >>> 1
      const bin = logBin(value)
      const [low, high] = [logBinEdge(bin), logBinEdge(bin + 1)]
      expect(low <= value && value < high).toBe(true)
      expect(high - low === 1 || high - low <= low / 16).toBe(true)
    },
    20_000,
  )
  expect([0, 15, 16, 31, 32, 33, 34, 0x7fffffff].map(logBin)).toEqual([0, 15, 16, 31, 32, 32, 33, 447])
})
