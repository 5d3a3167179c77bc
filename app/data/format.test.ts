import { describe, expect, it } from 'vitest'
import {
  formatBytes,
  formatCompact,
  formatDuration,
  formatFigureValue,
  formatNumber,
  formatPercent,
  formatWithError,
  plural,
} from './format.ts'

describe('numbers for people', () => {
  it('shows a value with the decimals that its error allows', () => {
    expect(formatWithError(312.4412345, 0.4218)).toEqual({ value: '312.44', plusMinus: '0.42' })
    expect(formatWithError(1_234_567, 1900)).toEqual({ value: '1,234,567', plusMinus: '1,900' })
  })

  it('survives an error of zero', () => {
    expect(formatWithError(3, 0)).toEqual({ value: '3', plusMinus: '0' })
  })

  it('leaves decimal strings of big integers alone', () => {
    expect(formatFigureValue({ label: 'sum', value: '170141183460469231731' })).toBe('170141183460469231731')
  })

  it('uses an exponent only where digits would be zeros', () => {
    expect(formatNumber(0.1 + 0.2)).toBe('0.3')
    expect(formatNumber(1.5e-7)).toBe('1.50000e-7')
    expect(formatNumber(0)).toBe('0')
  })

  it('never says 100 % before the end', () => {
    expect(formatPercent(999_999, 1_000_000)).toBe('99.9 %')
    expect(formatPercent(1_000_000, 1_000_000)).toBe('100 %')
    expect(formatPercent(0, 0)).toBe('0 %')
  })

  it('knows units', () => {
    expect(formatBytes(1)).toBe('1 byte')
    expect(formatBytes(64 * 1024 * 1024)).toBe('64 MiB')
    expect(formatDuration(59_940)).toBe('59.9 s')
    expect(formatDuration(128_000)).toBe('2 min 8 s')
    expect(formatCompact(65_536)).toBe('65.5k')
    expect(plural(1, 'shard')).toBe('1 shard')
    expect(plural(1024, 'shard')).toBe('1,024 shards')
  })
})
