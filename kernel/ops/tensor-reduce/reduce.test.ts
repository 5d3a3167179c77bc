import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Dtype } from '../../contract.ts'
import { sha256Hex } from '../../digest.ts'
import { property } from '../../numerics/property.test-support.ts'
import { bytesToWords, wordsToBytes } from '../../numerics/words.ts'
import { DTYPE_BYTES } from '../operand.ts'
import { checkGolden, type Golden, jobOf, mixedBytes, outcomeOf } from '../operand-golden.test-support.ts'
import { referenceLeaf } from '../references.test-support.ts'
import golden from './golden.json' with { type: 'json' }
import { reduce } from './index.ts'
import { reduceResult } from './result.ts'

const AXES = ['all', 'rows', 'columns'] as const
type Axis = (typeof AXES)[number]

test.each(golden.contracts as unknown as Golden[])('$name', (known) => checkGolden(reduce, known))

function read(bytes: Uint8Array, dtype: Dtype): bigint[] {
  const size = DTYPE_BYTES[dtype]
  return Array.from({ length: bytes.length / size }, (_, i) => {
    let value = 0n
    for (let k = size - 1; k >= 0; k--) value = (value << 8n) | BigInt(bytes[i * size + k] as number)
    return dtype.startsWith('int') ? BigInt.asIntN(8 * size, value) : value
  })
}

/** The lines of a matrix, element by element. */
function linesOf(elements: readonly bigint[], rows: number, columns: number, axis: Axis): bigint[][] {
  if (axis === 'all') return [[...elements]]
  const row = (i: number) => elements.slice(i * columns, (i + 1) * columns)
  if (axis === 'rows') return Array.from({ length: rows }, (_, i) => row(i))
  return Array.from({ length: columns }, (_, j) => elements.filter((_x, i) => i % columns === j))
}

const total = (values: readonly bigint[]) => values.reduce((sum, value) => sum + value, 0n)
const least = (values: readonly bigint[]) => values.reduce((a, b) => (b < a ? b : a))
const greatest = (values: readonly bigint[]) => values.reduce((a, b) => (b > a ? b : a))

function prepared(dtype: Dtype, rows: number, columns: number, axis: Axis, bytes: Uint8Array) {
  return jobOf(reduce, { axis }, { x: { dtype, shape: [rows, columns], bytes } })
}

function bytesOf(dtype: Dtype, count: number, fill?: number): Uint8Array {
  const length = count * DTYPE_BYTES[dtype]
  return fill === undefined ? mixedBytes(length, 31) : new Uint8Array(length).fill(fill)
}

test('equals the definition for any shape, type and axis', () => {
  const side = fc.integer({ min: 1, max: 40 })
  property(
    'reductions',
    [
      side,
      side,
      fc.constantFrom<Dtype>('int8', 'uint8', 'int16', 'int32', 'uint32'),
      fc.constantFrom(...AXES),
      fc.constantFrom(undefined, undefined, 0x80, 0xff),
    ],
    (rows, columns, dtype, axis, fill) => {
      const bytes = bytesOf(dtype, rows * columns, fill)
      const outcome = outcomeOf(prepared(dtype, rows, columns, axis, bytes))
      const result = reduceResult.parse(outcome.result)
      const lines = linesOf(read(bytes, dtype), rows, columns, axis)
      const [sums, squares, extremes] = outcome.artifacts.map((artifact) => artifact.bytes)
      const limbs = (data: Uint8Array | undefined, count: number) => {
        const words = bytesToWords(data as Uint8Array)
        return Array.from({ length: words.length / count }, (_, i) =>
          [...words.subarray(i * count, (i + 1) * count)].reduce(
            (v, w, k) => v + (BigInt(w) << BigInt(32 * k)),
            0n,
          ),
        )
      }
      expect(limbs(sums, 2).map((sum) => BigInt.asIntN(64, sum))).toEqual(lines.map(total))
      expect(limbs(squares, 3)).toEqual(lines.map((line) => total(line.map((x) => x * x))))
      const signed = dtype.startsWith('int')
      expect(limbs(extremes, 1).map((w) => (signed ? BigInt.asIntN(32, w) : w))).toEqual(
        lines.flatMap((line) => [least(line), greatest(line)]),
      )
      const all = lines.flat()
      expect(result.total).toMatchObject({
        sum: total(all).toString(),
        sum_squares: total(all.map((x) => x * x)).toString(),
        min: Number(least(all)),
        max: Number(greatest(all)),
      })
      const mean = Number(total(all)) / all.length
      expect(result.total.mean).toBeCloseTo(mean, 5)
      const variance = all.reduce((sum, x) => sum + (Number(x) - mean) ** 2, 0) / all.length
      expect(Math.abs(result.total.variance - variance)).toBeLessThanOrEqual(1e-9 * variance + 1e-9)
      expect(result.digests.sums).toBe(sha256Hex(sums as Uint8Array))
    },
    120,
  )
})

describe('long lines', () => {
  const count = 5 * 32_768 + 77
  const bytes = bytesOf('int32', count)

  test('are added up from their segments, in any order', () => {
    const job = prepared('int32', 1, count, 'rows', bytes)
    const outcome = outcomeOf(job)
    const elements = read(bytes, 'int32')
    expect(reduceResult.parse(outcome.result).total).toMatchObject({
      sum: total(elements).toString(),
      sum_squares: total(elements.map((x) => x * x)).toString(),
    })
    expect(outcomeOf(prepared('int32', count, 1, 'columns', bytes)).result).toEqual(outcome.result)
    expect(outcomeOf(prepared('int32', count, 1, 'all', bytes)).result).toEqual(outcome.result)
  })

  test('shards fold in any order', () => {
    const job = prepared('int8', 300, 900, 'rows', bytesOf('int8', 300 * 900))
    const narrow = prepared('int8', 9000, 30, 'rows', bytesOf('int8', 9000 * 30))
    expect(narrow.job.plan).toMatchObject({ shard_count: 2, leaf: { kind: 'blob', max_bytes: 262_144 } })
    expect(outcomeOf(narrow, true)).toEqual(outcomeOf(narrow))
    expect(job.job.plan.shard_count).toBe(1)
  })
})

test('plan: shards of 2^22 elements, inline where lines are long', () => {
  const { contract } = prepared('int8', 1, 1, 'all', new Uint8Array(1)).job
  const planOf = (rows: number, columns: number, axis: Axis) => {
    const x = { digest: '0'.repeat(64), dtype: 'int8' as const, shape: [rows, columns] }
    return reduce.prepare({ ...contract, args: { axis }, inputs: { x } }).plan
  }
  expect(planOf(4096, 4096, 'all')).toMatchObject({
    shard_count: 4,
    leaf: { kind: 'inline', max_bytes: 4096 },
  })
  expect(planOf(4096, 4096, 'columns')).toMatchObject({ shard_count: 4, constants: { shard_items: 1024 } })
  expect(planOf(1, 2 ** 24, 'columns').shard_count).toBe(2048)
  expect(() => planOf(4097, 4096, 'all')).toThrow('the limit is 16777216')
})

test('wrong leaves are named', () => {
  const { job, inputs } = prepared('int16', 3, 5, 'rows', bytesOf('int16', 15))
  const leaf = referenceLeaf(job, 0, inputs)
  const check = (change: (words: Uint32Array) => void) => {
    const words = bytesToWords(leaf)
    change(words)
    return job.checkLeaf(0, wordsToBytes(words))
  }
  expect(check(() => {})).toBeUndefined()
  expect(check((w) => w.set([1], 8 + 7))).toContain('item 1: a word')
  expect(check((w) => w.set([w[8 + 6] as number, (w[8 + 5] as number) - 1], 8 + 5))).toContain(
    'item 1: the least',
  )
  expect(check((w) => w.set([0, 1], 16))).toContain('item 2: a sum')
  expect(check((w) => w.fill(0, 2, 5))).toContain('item 0: impossible')
  expect(check((w) => w.set([1], 4))).toContain('item 0: impossible')
  expect(job.checkLeaf(0, leaf.subarray(4))).toContain('92 bytes')
})

test('the summary shows lines as a band; a single line has none', () => {
  const rows = prepared('uint8', 3, 2, 'rows', Uint8Array.of(1, 3, 5, 5, 0, 9))
  expect(rows.job.summarise(outcomeOf(rows).result)).toMatchObject({
    headline: { value: '23' },
    charts: [
      { kind: 'band', points: [{ x: 0, y: 2, low: 1, high: 3 }, { y: 5 }, { y: 4.5, low: 0, high: 9 }] },
    ],
  })
  const all = prepared('uint8', 3, 2, 'all', Uint8Array.of(1, 3, 5, 5, 0, 9))
  expect(all.job.summarise(outcomeOf(all).result).charts).toEqual([])
})
