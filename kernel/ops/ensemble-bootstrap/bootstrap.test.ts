import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../canonical.ts'
import { sha256Hex } from '../../digest.ts'
import { normalQuantile } from '../../numerics/as241.test-support.ts'
import { anyWord, property } from '../../numerics/property.test-support.ts'
import { bytesToWords, wordsToBytes } from '../../numerics/words.ts'
import { testGolden } from '../golden.test-support.ts'
import { expectLaws, resultOf, runOf } from '../laws.test-support.ts'
import { referenceOf } from '../references.test-support.ts'
import { HEADER_WORDS } from './column.ts'
import { bootstrap, bootstrapSpec } from './index.ts'
import { oracleStatistics, type Table } from './oracle.test-support.ts'

function operand(table: Table, dtype: 'float64' | 'float32' | 'int32' = 'float64') {
  const columns = (table[0] as readonly number[]).length
  const width = dtype === 'float64' ? 8 : 4
  const bytes = new Uint8Array(table.length * columns * width)
  const view = new DataView(bytes.buffer)
  table.flat().forEach((value, i) => {
    if (dtype === 'float64') view.setFloat64(8 * i, value, true)
    else if (dtype === 'float32') view.setFloat32(4 * i, value, true)
    else view.setInt32(4 * i, value, true)
  })
  return { bytes, ref: { digest: sha256Hex(bytes), dtype, shape: [table.length, columns] } }
}

function runOn(
  args: JsonObject,
  table: Table,
  key: readonly [number, number] = [5, 6],
  dtype?: 'float32' | 'int32',
) {
  const { bytes, ref } = operand(table, dtype)
  return runOf(bootstrapSpec, args, key, { data: ref }, new Map([['data', bytes]]))
}

/** Normal quantiles at equal steps, and a second column that follows the first in part. */
function normalTable(rows: number): number[][] {
  return Array.from({ length: rows }, (_, i) => {
    const at = (place: number): number => {
      const p = ((place * 7919) % rows) / rows + 1 / (2 * rows)
      return p <= 0.5 ? normalQuantile(p) : -normalQuantile(1 - p)
    }
    return [10 + 2 * at(i), at(i) + at(i * i + 17 * i)]
  })
}

const TABLE = normalTable(101)

function agrees(
  args: JsonObject,
  table: Table,
  key: readonly [number, number],
  dtype?: 'float32' | 'int32',
): void {
  const run = runOn(args, table, key, dtype)
  const leaf = bytesToWords(referenceOf(bootstrapSpec, run, 0))
  const size = run.plan.constants.statistic_words
  const expected = oracleStatistics(run.args, table, key, 0, 5)
  for (const [i, words] of expected.entries()) {
    expect([...leaf.subarray(HEADER_WORDS + size * i, HEADER_WORDS + size * (i + 1))]).toEqual(words)
  }
  expect(bootstrapSpec.checkLeaf(run.plan, 0, wordsToBytes(leaf))).toBeUndefined()
}

describe('resamples agree with the BigInt oracle', () => {
  test.each<[string, JsonObject]>([
    ['mean', {}],
    ['mean of the second column', { column: 1 }],
    ['median', { statistic: 'quantile' }],
    ['the largest', { statistic: 'quantile', percent: 99.9 }],
    ['the smallest', { statistic: 'quantile', percent: 0.1 }],
    ['correlation', { statistic: 'correlation' }],
  ])('%s', (_, args) => {
    agrees(args, TABLE, [5, 6])
    agrees(args, TABLE.slice(0, 1), [5, 6])
    agrees(
      args,
      TABLE.map((row) => row.map(Math.fround)),
      [7, 8],
      'float32',
    )
    agrees(
      args,
      TABLE.map((row) => row.map((value) => Math.round(1000 * value))),
      [7, 8],
      'int32',
    )
  })

  test('a thousand rows need several digits of a rank', () => {
    agrees({ statistic: 'quantile', percent: 25 }, normalTable(1000), [1, 2])
  })

  test('rows that are not finite or too large are left out; a wide range stays finite', () => {
    const table = [[1e120], [Number.NaN], [-1e120], [Number.POSITIVE_INFINITY], [0], [1e121]]
    const result = resultOf(bootstrapSpec, runOn({ resamples: 100 }, table))
    expect(result).toMatchObject({ rows: 3, left_out: 3 })
    expect(Number.isFinite(result.standard_error)).toBe(true)
    const none = resultOf(bootstrapSpec, runOn({ statistic: 'quantile', resamples: 100 }, [[Number.NaN]]))
    expect(none).toMatchObject({ rows: 0, left_out: 1, value: 0, standard_error: 0 })
  })

  test('whatever the table and the key', () => {
    const value = fc.integer({ min: -1_000_000, max: 1_000_000 })
    property(
      'bootstrap leaf',
      [
        fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 40 }),
        fc.constantFrom('mean', 'quantile', 'correlation'),
        fc.integer({ min: 1, max: 999 }),
        anyWord,
        anyWord,
      ],
      (table, statistic, permille, k0, k1) => {
        agrees({ statistic, percent: permille / 10, resamples: 100 }, table, [k0, k1], 'int32')
      },
      40,
    )
  })
})

describe('plan', () => {
  test('refuses a column that is not there, and too many rows', () => {
    expect(() => runOn({ column: 2 }, TABLE)).toThrow(
      expect.objectContaining({ path: 'args.column' }) as Error,
    )
    expect(() => runOn({ statistic: 'correlation', other_column: 5 }, TABLE)).toThrow(
      expect.objectContaining({ path: 'args.other_column' }) as Error,
    )
    const ref = { digest: '0'.repeat(64), dtype: 'float64' as const, shape: [2 ** 20 + 1, 1] }
    expect(() => runOf(bootstrapSpec, {}, [1, 2], { data: ref })).toThrow(
      expect.objectContaining({ path: 'inputs.data.shape' }) as Error,
    )
  })
})

describe('result', () => {
  test.each(['mean', 'quantile', 'correlation'])('%s obeys the laws of every op', (statistic) => {
    const result = expectLaws(bootstrapSpec, runOn({ statistic, resamples: 700 }, TABLE))
    expect(result.resamples).toBe(700)
    expect(result.histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(700)
  })

  test('the mean of a normal column: its own mean, sd / sqrt(n), and intervals of 1.96', () => {
    const table = normalTable(400)
    const result = resultOf(bootstrapSpec, runOn({ resamples: 8000 }, table))
    const values = table.map(([x]) => x as number)
    const mean = values.reduce((sum, x) => sum + x, 0) / 400
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 400)
    expect(result.value).toBeCloseTo(mean, 5)
    const error = deviation / 20
    // The deviation of 8,000 draws is known to 1 / sqrt(16,000).
    expect(Math.abs(result.standard_error / error - 1)).toBeLessThan(4 / Math.sqrt(16_000))
    expect(Math.abs(result.bias)).toBeLessThan((4 * error) / Math.sqrt(8000))
    expect((result.percentile_interval.high - result.value) / error).toBeCloseTo(1.96, 0)
    expect(result.basic_interval.low).toBeCloseTo(2 * result.value - result.percentile_interval.high, 12)
  })

  test('the median and the correlation of the rows themselves', () => {
    const table = normalTable(401)
    const median = resultOf(bootstrapSpec, runOn({ statistic: 'quantile', resamples: 2000 }, table))
    expect(median.value).toBeCloseTo(
      [...table].map(([x]) => x as number).sort((a, b) => a - b)[200] as number,
      5,
    )
    // sqrt(pi / 2) sd / sqrt(n) for a normal column.
    expect(median.standard_error / ((Math.sqrt(Math.PI / 2) * 2) / Math.sqrt(401))).toBeCloseTo(1, 0)
    const correlation = resultOf(bootstrapSpec, runOn({ statistic: 'correlation', resamples: 2000 }, table))
    const mean = (i: number): number => table.reduce((sum, row) => sum + (row[i] as number), 0) / 401
    const product = (i: number, j: number): number =>
      table.reduce((sum, row) => sum + ((row[i] as number) - mean(i)) * ((row[j] as number) - mean(j)), 0)
    const exact = product(0, 1) / Math.sqrt(product(0, 0) * product(1, 1))
    expect(correlation.value).toBeCloseTo(exact, 6)
    // (1 - r^2) / sqrt(n), for normal columns.
    expect(correlation.standard_error / ((1 - exact ** 2) / Math.sqrt(401))).toBeCloseTo(1, 0)
  })

  test('a constant column has no error, and a correlation of 0', () => {
    const table = Array.from({ length: 50 }, (_, i) => [7, i])
    expect(resultOf(bootstrapSpec, runOn({ resamples: 100 }, table))).toMatchObject({
      value: 7,
      standard_error: 0,
    })
    expect(resultOf(bootstrapSpec, runOn({ statistic: 'correlation', resamples: 100 }, table)).value).toBe(0)
  })
})

describe('checkLeaf', () => {
  const run = runOn({ statistic: 'correlation', resamples: 100 }, TABLE)
  const good = referenceOf(bootstrapSpec, run, 0)
  test.each<[string, (words: Uint32Array) => void, string]>([
    ['more rows than there are', (w) => w.set([102]), 'rows of'],
    ['a resample less', (w) => w.set([63], 1), 'resamples instead'],
    ['a word that is not zero', (w) => w.set([1], 12), 'zero'],
    ['a sum out of range', (w) => w.set([1], HEADER_WORDS + 1), 'range'],
    ['no squares', (w) => w.fill(0, HEADER_WORDS + 4, HEADER_WORDS + 6), 'Cauchy'],
  ])('names %s', (_, change, complaint) => {
    const words = bytesToWords(good)
    change(words)
    expect(bootstrapSpec.checkLeaf(run.plan, 0, wordsToBytes(words))).toContain(complaint)
  })
})

/** 300 rows of two columns; the same bytes on every engine. */
const goldenTable = Array.from({ length: 300 }, (_, i) => [(i * 7919) % 1009, (i * i + 31 * i) % 499])
const goldenData = operand(goldenTable, 'int32').bytes
testGolden(bootstrap, import.meta.url, new Map([['data', goldenData]]))
