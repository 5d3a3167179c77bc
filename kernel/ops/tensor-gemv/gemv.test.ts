import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../digest.ts'
import { property } from '../../numerics/property.test-support.ts'
import { checkGolden, type Golden, jobOf, mixedBytes, outcomeOf } from '../operand-golden.test-support.ts'
import { referenceLeaf } from '../references.test-support.ts'
import golden from './golden.json' with { type: 'json' }
import { gemv } from './index.ts'
import { gemvResult } from './result.ts'

type Type = 'int8' | 'int16'

test.each(golden.contracts as unknown as Golden[])('$name', (known) => checkGolden(gemv, known))

/** The definition, in BigInt. */
function naive(
  a: readonly bigint[],
  x: readonly bigint[],
  rows: number,
  columns: number,
  transpose: boolean,
) {
  const y = new Array<bigint>(transpose ? columns : rows).fill(0n)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const element = a[i * columns + j] as bigint
      if (transpose) y[j] = (y[j] as bigint) + element * (x[i] as bigint)
      else y[i] = (y[i] as bigint) + element * (x[j] as bigint)
    }
  }
  return y
}

function elements(bytes: Uint8Array, dtype: Type): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return dtype === 'int8'
    ? [...bytes].map((byte) => BigInt.asIntN(8, BigInt(byte)))
    : Array.from({ length: bytes.length / 2 }, (_, i) => BigInt(view.getInt16(2 * i, true)))
}

function yOf(bytes: Uint8Array, dtype: string): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return dtype === 'int32'
    ? Array.from({ length: bytes.length / 4 }, (_, i) => BigInt(view.getInt32(4 * i, true)))
    : Array.from({ length: bytes.length / 8 }, (_, i) => BigInt(view.getFloat64(8 * i, true)))
}

const SIZE = { int8: 1, int16: 2 } as const

function operands(
  [rows, columns]: readonly [number, number],
  [aType, xType]: readonly [Type, Type],
  transpose: boolean,
  fill?: number,
) {
  const depth = transpose ? rows : columns
  const bytes = (length: number, salt: number) =>
    fill === undefined ? mixedBytes(length, salt) : new Uint8Array(length).fill(fill)
  return {
    a: { dtype: aType, shape: [rows, columns], bytes: bytes(rows * columns * SIZE[aType], 11) },
    x: { dtype: xType, shape: [depth], bytes: bytes(depth * SIZE[xType], 12) },
  }
}

test('equals the definition for any shape and types', () => {
  const side = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 700 }))
  const type = fc.constantFrom<Type>('int8', 'int16')
  property(
    'gemv against the definition',
    [side, side, type, type, fc.boolean(), fc.constantFrom(undefined, 0x80, 0x7f)],
    (rows, columns, aType, xType, transpose, fill) => {
      const given = operands([rows, columns], [aType, xType], transpose, fill)
      const outcome = outcomeOf(jobOf(gemv, { transpose }, given))
      const result = gemvResult.parse(outcome.result)
      const bytes = outcome.artifacts[0]?.bytes as Uint8Array
      const y = naive(
        elements(given.a.bytes, aType),
        elements(given.x.bytes, xType),
        rows,
        columns,
        transpose,
      )
      expect(yOf(bytes, result.dtype)).toEqual(y)
      expect(result.digest).toBe(sha256Hex(bytes))
      expect(result.sum).toBe(y.reduce((sum, value) => sum + value, 0n).toString())
      expect([result.min, result.max]).toEqual([Math.min(...y.map(Number)), Math.max(...y.map(Number))])
    },
    60,
  )
})

describe('plan', () => {
  const planOf = (rows: number, columns: number, transpose = false) => {
    const digest = '0'.repeat(64)
    const { contract } = jobOf(gemv, {}, operands([1, 1], ['int8', 'int8'], false)).job
    return gemv.prepare({
      ...contract,
      args: { transpose },
      inputs: {
        a: { digest, dtype: 'int16', shape: [rows, columns] },
        x: { digest, dtype: 'int8', shape: [transpose ? rows : columns] },
      },
    }).plan
  }

  test.each([
    [1, 1, 1, 16],
    [4096, 4096, 8, 512],
    [8192, 4096, 16, 512],
    [128, 262_144, 4, 32],
    [2 ** 25, 1, 65_536, 512],
  ])('%i x %i: %i shards of %i rows', (rows, columns, shards, shardRows) => {
    expect(planOf(rows, columns)).toMatchObject({ shard_count: shards, constants: { shard_rows: shardRows } })
    expect(planOf(columns, rows, true)).toEqual(planOf(rows, columns))
    expect(planOf(rows, columns).leaf.max_bytes).toBeLessThanOrEqual(4096)
  })

  test.each([
    ['a depth over the limit', 1, 262_145, 'the depth is 262145'],
    ['a matrix over the limit', 8192, 4097, 'the limit is 33554432'],
  ])('%s is refused', (_, rows, columns, message) => {
    expect(() => planOf(rows, columns)).toThrow(message)
  })

  test('a vector of another length is refused', () => {
    const given = operands([3, 4], ['int8', 'int8'], false)
    expect(() => jobOf(gemv, { transpose: true }, given)).toThrow('x has 4 elements; the matrix asks for 3')
  })
})

test('rows fold in any order', () => {
  const prepared = jobOf(gemv, {}, operands([1500, 33], ['int16', 'int16'], false))
  expect(prepared.job.plan.shard_count).toBe(3)
  expect(outcomeOf(prepared, true)).toEqual(outcomeOf(prepared))
})

test('operands may lie anywhere in memory', () => {
  const { job, inputs } = jobOf(gemv, {}, operands([20, 33], ['int16', 'int16'], false))
  const moved = new Map(
    [...inputs].map(([name, bytes]): [string, Uint8Array] => {
      const larger = new Uint8Array(bytes.length + 1)
      larger.set(bytes, 1)
      return [name, larger.subarray(1)]
    }),
  )
  expect(referenceLeaf(job, 0, moved)).toEqual(referenceLeaf(job, 0, inputs))
})

test('a wrong leaf is named', () => {
  const { job, inputs } = jobOf(gemv, {}, operands([5, 3], ['int8', 'int8'], false))
  const leaf = referenceLeaf(job, 0, inputs)
  const forged = (value: bigint) => {
    const bytes = leaf.slice()
    new DataView(bytes.buffer).setBigInt64(16, value, true)
    return bytes
  }
  expect(job.checkLeaf(0, forged(3n * 16_384n))).toBeUndefined()
  expect(job.checkLeaf(0, forged(3n * 16_384n + 1n))).toContain('sum 2')
  expect(job.checkLeaf(0, forged(-(2n ** 63n)))).toContain('sum 2')
  expect(job.checkLeaf(0, leaf.subarray(8))).toContain('32 bytes')
})

test('the summary shows the vector as a band', () => {
  const { job, inputs } = jobOf(gemv, {}, operands([300, 3], ['int16', 'int16'], false))
  const summary = job.summarise(outcomeOf({ job, inputs }).result)
  expect(summary.headline).toMatchObject({ value: 300, unit: 'elements' })
  expect(summary.charts[0]).toMatchObject({ kind: 'band' })
  expect(summary.charts[0]?.kind === 'band' && summary.charts[0].points.length).toBe(128)
})
