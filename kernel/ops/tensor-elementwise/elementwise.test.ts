import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Dtype } from '../../contract.ts'
import { sha256Hex } from '../../digest.ts'
import { anyWord, property } from '../../numerics/property.test-support.ts'
import { DTYPE_BYTES, DTYPE_RANGE, type IntegerDtype } from '../operand.ts'
import { checkGolden, type Golden, jobOf, mixedBytes, outcomeOf } from '../operand-golden.test-support.ts'
import { referenceLeaf } from '../references.test-support.ts'
import { OPERATIONS } from './args.ts'
import golden from './golden.json' with { type: 'json' }
import { elementwise } from './index.ts'
import { elementwiseResult } from './result.ts'

const DTYPES = ['int8', 'int16', 'int32', 'uint8', 'uint32'] as const

test.each(golden.contracts as unknown as Golden[])('$name', (known) => checkGolden(elementwise, known))

function read(bytes: Uint8Array, dtype: Dtype): bigint[] {
  const size = DTYPE_BYTES[dtype]
  return Array.from({ length: bytes.length / size }, (_, i) => {
    let value = 0n
    for (let k = size - 1; k >= 0; k--) value = (value << 8n) | BigInt(bytes[i * size + k] as number)
    return dtype.startsWith('int') ? BigInt.asIntN(8 * size, value) : value
  })
}

function write(values: readonly bigint[], dtype: Dtype): Uint8Array {
  const size = DTYPE_BYTES[dtype]
  const bytes = new Uint8Array(values.length * size)
  values.forEach((value, i) => {
    for (let k = 0; k < size; k++) bytes[i * size + k] = Number((value >> BigInt(8 * k)) & 0xffn)
  })
  return bytes
}

/** The definition, in BigInt. @returns the element, and whether it was saturated */
function definition(
  operation: (typeof OPERATIONS)[number],
  a: bigint,
  b: bigint,
  shift: number,
  result: IntegerDtype,
): [bigint, boolean] {
  const bits = (word: bigint) =>
    result.startsWith('int') ? BigInt.asIntN(32, word) : BigInt.asUintN(32, word)
  const exact = {
    add: a + b,
    subtract: a - b,
    multiply: a * b,
    minimum: a < b ? a : b,
    maximum: a > b ? a : b,
    distance: a > b ? a - b : b - a,
    and: bits(a & b),
    or: bits(a | b),
    xor: bits(a ^ b),
  }[operation]
  const rounded = shift === 0 ? exact : (exact + (1n << BigInt(shift - 1))) >> BigInt(shift)
  const [min, max] = [BigInt(DTYPE_RANGE[result].min), BigInt(DTYPE_RANGE[result].max)]
  const kept = rounded < min ? min : rounded > max ? max : rounded
  return [kept, kept !== rounded]
}

const tensor = (dtype: Dtype, shape: readonly number[], bytes: Uint8Array) => ({ dtype, shape, bytes })

test('equals the definition for every operation, type and shift', () => {
  const dtype = fc.constantFrom(...DTYPES)
  property(
    'elementwise',
    [
      fc.constantFrom(...OPERATIONS),
      fc.tuple(dtype, dtype, dtype),
      fc.oneof(fc.constantFrom(0, 1, 31), fc.integer({ min: 0, max: 31 })),
      fc.array(fc.tuple(anyWord, anyWord), { minLength: 1, maxLength: 50 }),
    ],
    (operation, [aType, bType, result], shift, pairs) => {
      const [aBytes, bBytes] = [
        write(
          pairs.map(([a]) => BigInt(a)),
          aType,
        ),
        write(
          pairs.map(([, b]) => BigInt(b)),
          bType,
        ),
      ]
      const shape = [1, pairs.length]
      const outcome = outcomeOf(
        jobOf(
          elementwise,
          { operation, shift, result },
          { a: tensor(aType, shape, aBytes), b: tensor(bType, shape, bBytes) },
        ),
      )
      const [a, b] = [read(aBytes, aType), read(bBytes, bType)]
      const expected = a.map((x, i) => definition(operation, x, b[i] as bigint, shift, result))
      const y = outcome.artifacts[0]?.bytes as Uint8Array
      expect(read(y, result)).toEqual(expected.map(([value]) => value))
      const facts = elementwiseResult.parse(outcome.result)
      expect(facts.saturated).toBe(expected.filter(([, saturated]) => saturated).length)
      expect(facts.sum).toBe(expected.reduce((sum, [value]) => sum + value, 0n).toString())
      expect(facts.digest).toBe(sha256Hex(y))
    },
    400,
  )
})

test('b may be one row or one element', () => {
  const a = tensor('int16', [7, 5], mixedBytes(70, 3))
  const run = (shape: readonly number[], bytes: Uint8Array) =>
    read(
      outcomeOf(jobOf(elementwise, { operation: 'multiply' }, { a, b: tensor('int8', shape, bytes) }))
        .artifacts[0]?.bytes as Uint8Array,
      'int32',
    )
  const elements = read(a.bytes, 'int16')
  expect(run([1, 1], Uint8Array.of(0xfd))).toEqual(elements.map((x) => -3n * x))
  expect(run([1, 5], Uint8Array.of(1, 2, 3, 4, 5))).toEqual(elements.map((x, i) => x * BigInt((i % 5) + 1)))
})

describe('several shards', () => {
  const count = 2 ** 17 + 1001
  const [a, b] = [mixedBytes(4 * count, 1), mixedBytes(count, 2)]
  const prepared = jobOf(
    elementwise,
    { operation: 'add', result: 'int32' },
    { a: tensor('int32', [count, 1], a), b: tensor('int8', [count, 1], b) },
  )

  test('fold in any order to the whole', () => {
    expect(prepared.job.plan).toMatchObject({
      shard_count: 2,
      leaf: { kind: 'blob', max_bytes: 2 ** 19 + 4 },
    })
    const outcome = outcomeOf(prepared)
    expect(outcomeOf(prepared, true)).toEqual(outcome)
    const y = read(outcome.artifacts[0]?.bytes as Uint8Array, 'int32')
    const [x, z] = [read(a, 'int32'), read(b, 'int8')]
    expect(
      y.every((value, i) => value === definition('add', x[i] as bigint, z[i] as bigint, 0, 'int32')[0]),
    ).toBe(true)
  })
})

test.each<[string, readonly number[], readonly number[], string]>([
  ['shapes that do not go together', [4, 5], [4, 1], 'a is 4 x 5 and b 4 x 1'],
  ['a row of another length', [4, 5], [1, 4], 'a is 4 x 5 and b 1 x 4'],
  ['tensors over the limit', [4097, 4096], [1, 1], 'the limit is 16777216'],
])('%s are refused', (_, aShape, bShape, message) => {
  const one = tensor('int8', [1, 1], new Uint8Array(1))
  const { contract } = jobOf(elementwise, { operation: 'add' }, { a: one, b: one }).job
  const ref = (shape: readonly number[]) => ({
    digest: '0'.repeat(64),
    dtype: 'int8' as const,
    shape: [...shape],
  })
  expect(() => elementwise.prepare({ ...contract, inputs: { a: ref(aShape), b: ref(bShape) } })).toThrow(
    message,
  )
})

test('wrong leaves are named', () => {
  const { job, inputs } = jobOf(
    elementwise,
    { operation: 'xor', result: 'int16' },
    { a: tensor('int16', [3, 3], mixedBytes(18, 1)), b: tensor('int16', [3, 3], mixedBytes(18, 2)) },
  )
  const leaf = referenceLeaf(job, 0, inputs)
  expect(leaf).toHaveLength(22)
  expect(job.checkLeaf(0, leaf)).toBeUndefined()
  expect(job.checkLeaf(0, leaf.subarray(2))).toContain('20 bytes')
  const forged = leaf.slice()
  forged[18] = 10
  expect(job.checkLeaf(0, forged)).toContain('10 of 9')
})

test('the summary counts what was saturated', () => {
  const { job, inputs } = jobOf(
    elementwise,
    { operation: 'multiply', shift: 1, result: 'int8' },
    {
      a: tensor('int8', [2, 2], Uint8Array.of(100, 3, 256 - 7, 0)),
      b: tensor('int8', [1, 1], Uint8Array.of(3)),
    },
  )
  const { result } = outcomeOf({ job, inputs })
  expect(result).toMatchObject({ min: -10, max: 127, saturated: 1, preview: { values: [127, 5, -10, 0] } })
  const summary = job.summarise(result)
  expect(summary.figures[0]).toMatchObject({ label: 'Saturated elements', value: 1 })
  expect(summary.charts).toMatchObject([{ kind: 'heatmap', rows: 2, columns: 2 }])
})
