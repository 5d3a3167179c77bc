import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Dtype } from '../../contract.ts'
import { sha256Hex } from '../../digest.ts'
import { property } from '../../numerics/property.test-support.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import { checkGolden, type Golden, jobOf, mixedBytes, outcomeOf } from '../operand-golden.test-support.ts'
import golden from './golden.json' with { type: 'json' }
import { matmul } from './index.ts'
import { matmulResult } from './product.ts'
import { exactFloat, finite, near, oracleLine } from './rounding.test-support.ts'
import type { FloatProduct, IntegerProduct } from './wide-product.ts'

test.each(golden.contracts as unknown as Golden[])('$name', (known) => checkGolden(matmul, known))

type Args = Parameters<typeof jobOf>[1]
interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly dtype: Dtype
  readonly bytes: Uint8Array
}

const operand = ({ rows, columns, dtype, bytes }: Matrix) => ({ dtype, shape: [rows, columns], bytes })

function multiplied(args: Args, a: Matrix, b: Matrix) {
  const prepared = jobOf(matmul, args, { a: operand(a), b: operand(b) })
  const outcome = outcomeOf(prepared)
  const bytes = outcome.artifacts[0]?.bytes as Uint8Array
  const result = matmulResult.parse(outcome.result)
  expect(result.digest).toBe(sha256Hex(bytes))
  return { ...prepared, result, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) }
}

function integerAt({ dtype, bytes, columns }: Matrix, row: number, column: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const index = row * columns + column
  return BigInt(dtype === 'int8' ? view.getInt8(index) : view.getInt16(2 * index, true))
}

/** C[i][j] by the definition over any elements. */
function definition<T>(
  [rows, depth, columns]: readonly [number, number, number],
  a: (i: number, k: number) => T,
  b: (k: number, j: number) => T,
  add: (sum: T, x: T, y: T) => T,
  zero: T,
): T[] {
  const c: T[] = []
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = zero
      for (let k = 0; k < depth; k++) sum = add(sum, a(i, k), b(k, j))
      c.push(sum)
    }
  }
  return c
}

const side = fc.integer({ min: 1, max: 24 })
const flag = fc.boolean()

/** A matrix of the shape that an operand has when it is, or is not, given transposed. */
function matrix(
  dtype: 'int8' | 'int16',
  rows: number,
  columns: number,
  transposed: boolean,
  fill: number | undefined,
  salt: number,
): Matrix {
  const count = rows * columns * (dtype === 'int8' ? 1 : 2)
  const bytes = mixedBytes(count, salt)
  // int16: 0x8000 or 0x7fff.
  if (fill !== undefined)
    bytes.forEach((_, i) => {
      bytes[i] = dtype === 'int8' || i % 2 === 1 ? fill : fill === 0x80 ? 0 : 0xff
    })
  return { dtype, bytes, rows: transposed ? columns : rows, columns: transposed ? rows : columns }
}

describe('integers', () => {
  test('int16 and int8, transposed or not, equal the definition', () => {
    const dtype = fc.constantFrom<'int8' | 'int16'>('int8', 'int16')
    property(
      'integer products',
      [
        fc.tuple(side, side, side),
        fc.tuple(dtype, dtype),
        fc.tuple(flag, flag),
        fc.constantFrom(undefined, undefined, 0x80, 0x7f),
      ],
      ([rows, depth, columns], [aType, bType], [transpose_a, transpose_b], fill) => {
        const a = matrix(aType, rows, depth, transpose_a, fill, 5)
        const b = matrix(bType, depth, columns, transpose_b, fill, 6)
        const expected = definition(
          [rows, depth, columns],
          (i, k) => (transpose_a ? integerAt(a, k, i) : integerAt(a, i, k)),
          (k, j) => (transpose_b ? integerAt(b, j, k) : integerAt(b, k, j)),
          (sum, x, y) => sum + x * y,
          0n,
        )
        const { result, view } = multiplied({ transpose_a, transpose_b }, a, b)
        const narrow = aType === 'int8' && bType === 'int8'
        expect(result.dtype).toBe(narrow ? 'int32' : 'float64')
        const c = expected.map((_, i) =>
          BigInt(narrow ? view.getInt32(4 * i, true) : view.getFloat64(8 * i, true)),
        )
        expect(c).toEqual(expected)
        const facts = result as IntegerProduct
        expect(facts.sum).toBe(expected.reduce((sum, x) => sum + x, 0n).toString())
        expect(facts.trace).toBe(
          rows === columns
            ? Number(expected.filter((_, i) => i % (columns + 1) === 0).reduce((sum, x) => sum + x, 0n))
            : null,
        )
      },
      80,
    )
  })

  test('the largest sums of a deep product', () => {
    const depth = 131_071
    const lowest = (rows: number, columns: number): Matrix => ({
      dtype: 'int16',
      rows,
      columns,
      bytes: Uint8Array.from({ length: 2 * rows * columns }, (_, i) => (i % 2 === 1 ? 0x80 : 0)),
    })
    const { view } = multiplied({}, lowest(1, depth), lowest(depth, 1))
    expect(BigInt(view.getFloat64(0, true))).toBe(BigInt(depth) << 30n)
  })

  test('leaving transposition out and saying no are different contracts with the same result', () => {
    const a = matrix('int8', 5, 7, false, undefined, 1)
    const b = matrix('int8', 7, 4, false, undefined, 2)
    const plain = multiplied({}, a, b)
    const said = multiplied({ transpose_a: false, transpose_b: false }, a, b)
    expect(said.result).toEqual(plain.result)
    expect(plain.job.contract.args).toEqual({})
    expect(said.job.replayKey).not.toBe(plain.job.replayKey)
  })
})

describe('float32', () => {
  test('products equal the definition over those integers, within the stated error of the operands', () => {
    const word = fc.oneof(near, near, near, finite)
    property(
      'float products',
      [
        fc.tuple(
          fc.integer({ min: 1, max: 7 }),
          fc.integer({ min: 1, max: 9 }),
          fc.integer({ min: 1, max: 7 }),
        ),
        fc.tuple(flag, flag),
        fc.constantFrom<16 | 24>(16, 24),
        fc.array(word, { minLength: 63, maxLength: 63 }),
        fc.array(word, { minLength: 63, maxLength: 63 }),
      ],
      ([rows, depth, columns], [transpose_a, transpose_b], bits, aPool, bPool) => {
        const aWords = aPool.slice(0, rows * depth)
        const bWords = bPool.slice(0, depth * columns)
        const aAt = (i: number, k: number) => aWords[transpose_a ? k * rows + i : i * depth + k] as number
        const bAt = (k: number, j: number) => bWords[transpose_b ? j * depth + k : k * columns + j] as number
        const floats = (words: readonly number[], down: number, across: number): Matrix => ({
          dtype: 'float32',
          rows: down,
          columns: across,
          bytes: wordsToBytes(Uint32Array.from(words)),
        })
        const a = floats(aWords, transpose_a ? depth : rows, transpose_a ? rows : depth)
        const b = floats(bWords, transpose_b ? columns : depth, transpose_b ? depth : columns)
        const { view, result } = multiplied({ transpose_a, transpose_b, bits }, a, b)
        const facts = result as FloatProduct
        const line = (length: number, at: (k: number) => number) =>
          oracleLine(
            Array.from({ length }, (_, k) => at(k)),
            bits,
          )
        const left = Array.from({ length: rows }, (_, i) => line(depth, (k) => aAt(i, k)))
        const right = Array.from({ length: columns }, (_, j) => line(depth, (k) => bAt(k, j)))
        let overflows = 0
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            const [x, y] = [left[i] as (typeof left)[0], right[j] as (typeof right)[0]]
            const sum = x.m.reduce((total, m, k) => total + m * (y.m[k] as bigint), 0n)
            const value = Number(sum) * 2 ** (x.e + y.e)
            const c = view.getFloat32(4 * (i * columns + j), true)
            expect(c).toBe(Math.fround(value))
            if (!Number.isFinite(c)) {
              overflows++
              continue
            }
            let exact = 0
            let size = 0
            const toNumber = (bitsOfFloat: number) => {
              const { mantissa, exponent } = exactFloat(bitsOfFloat)
              return Number(mantissa) * 2 ** exponent
            }
            for (let k = 0; k < depth; k++) {
              const term = toNumber(aAt(i, k)) * toNumber(bAt(k, j))
              exact += term
              size += Math.abs(term)
            }
            expect(Math.abs(value - exact)).toBeLessThanOrEqual(facts.error_bound + 1e-14 * size)
          }
        }
        expect(facts.not_finite).toBe(overflows)
        expect(facts.bits).toBe(bits)
      },
      120,
    )
  })

  test('24 bits are closer than 16', () => {
    const word = (i: number) =>
      new Uint32Array(Float32Array.of(((i * 7919) % 1000) / 997 - 0.5).buffer)[0] as number
    const floats = (rows: number, columns: number, salt: number): Matrix => ({
      dtype: 'float32',
      rows,
      columns,
      bytes: wordsToBytes(Uint32Array.from({ length: rows * columns }, (_, i) => word(i + salt))),
    })
    const [a, b] = [floats(20, 30, 1), floats(30, 10, 500)]
    const coarse = multiplied({}, a, b).result as FloatProduct
    const fine = multiplied({ bits: 24 }, a, b).result as FloatProduct
    expect(coarse.error_bound).toBeLessThan(1e-3)
    expect(fine.error_bound).toBeLessThan(coarse.error_bound / 200)
    expect(Math.abs(coarse.max - fine.max)).toBeLessThan(coarse.error_bound)
  })

  test('rows and columns with what is no number give none', () => {
    const floats = (values: readonly number[], rows: number, columns: number): Matrix => ({
      dtype: 'float32',
      rows,
      columns,
      bytes: new Uint8Array(Float32Array.from(values).buffer),
    })
    const a = floats([1, 2, Number.NaN, 4, 5, 6], 3, 2)
    const b = floats([1, 0, 2, Number.POSITIVE_INFINITY], 2, 2)
    const { view, result, job } = multiplied({}, a, b)
    const facts = result as FloatProduct
    expect(facts).toMatchObject({ min: 5, max: 17, frobenius_squared: 25 + 289, not_finite: 4 })
    expect([0, 2, 4].map((i) => view.getFloat32(4 * i, true))).toEqual([5, Number.NaN, 17])
    expect([1, 2, 3, 5].map((i) => view.getUint32(4 * i, true))).toEqual([
      0x7fc00000, 0x7fc00000, 0x7fc00000, 0x7fc00000,
    ])
    expect(job.summarise(result).figures.map(({ label }) => label)).toContain('Largest possible error')
  })
})

describe('batches', () => {
  /** Matrices one below another. */
  const stacked = (matrices: readonly Matrix[]): Matrix => {
    const [first] = matrices as [Matrix]
    const bytes = new Uint8Array(first.bytes.length * matrices.length)
    matrices.forEach(({ bytes: part }, i) => {
      bytes.set(part, i * part.length)
    })
    return { ...first, rows: first.rows * matrices.length, bytes }
  }

  test.each<
    [string, 'int8' | 'int16' | 'float32', Args, readonly [number, number], readonly [number, number]]
  >([
    ['int8', 'int8', {}, [9, 17], [17, 6]],
    ['int8 of several tiles', 'int8', {}, [300, 5], [5, 310]],
    ['int8, both transposed', 'int8', { transpose_a: true, transpose_b: true }, [17, 9], [6, 17]],
    ['int16, B transposed', 'int16', { transpose_b: true }, [9, 17], [6, 17]],
    ['float32', 'float32', { bits: 24 }, [9, 17], [17, 6]],
  ])(
    '%s: every product is the one of its matrices',
    (_, dtype, args, [aRows, aColumns], [bRows, bColumns]) => {
      const size = { int8: 1, int16: 2, float32: 4 }[dtype]
      const make = (rows: number, columns: number, salt: number): Matrix => ({
        dtype,
        rows,
        columns,
        bytes: mixedBytes(size * rows * columns, salt).map((byte, i) =>
          size === 4 && i % 4 === 3 ? 0x3f : byte,
        ),
      })
      const a = [1, 2, 3].map((salt) => make(aRows, aColumns, salt))
      const b = [4, 5, 6].map((salt) => make(bRows, bColumns, salt))
      const whole = multiplied({ ...args, batch: 3 }, stacked(a), stacked(b))
      const parts = a.map((matrix, i) => multiplied(args, matrix, b[i] as Matrix))
      expect(whole.job.plan.shard_count).toBe(3 * (parts[0]?.job.plan.shard_count ?? 0))
      const bytesOf = ({ view }: (typeof parts)[0]) => [
        ...new Uint8Array(view.buffer, view.byteOffset, view.byteLength),
      ]
      expect(bytesOf(whole)).toEqual(parts.flatMap(bytesOf))
      expect(whole.result.min).toBe(Math.min(...parts.map(({ result }) => result.min)))
      expect(whole.result.shape[0]).toBe(3 * (parts[0]?.result.shape[0] ?? 0))
      if (dtype === 'float32') {
        const bound = (result: (typeof whole)['result']) => (result as FloatProduct).error_bound
        expect(bound(whole.result)).toBe(Math.max(...parts.map(({ result }) => bound(result))))
      }
    },
  )

  test('whose rows do not divide are refused', () => {
    const a = matrix('int8', 7, 3, false, undefined, 1)
    const b = matrix('int8', 6, 3, false, undefined, 2)
    expect(() => multiplied({ batch: 2 }, a, b)).toThrow('7 rows are not 2 matrices')
  })
})

describe('plan', () => {
  const D = '0'.repeat(64)
  const planOf = (args: Args, aType: Dtype, a: readonly number[], bType: Dtype, b: readonly number[]) => {
    const small = matrix('int8', 1, 1, false, undefined, 1)
    const { contract } = jobOf(matmul, {}, { a: operand(small), b: operand(small) }).job
    return matmul.prepare({
      ...contract,
      args,
      inputs: {
        a: { digest: D, dtype: aType, shape: [...a] },
        b: { digest: D, dtype: bType, shape: [...b] },
      },
    }).plan
  }

  test('larger elements are of one or two digits, and floats bring their exponents', () => {
    const int16 = { rows: 100, depth: 50, columns: 60 }
    expect(planOf({}, 'int16', [100, 50], 'int8', [50, 60]).constants).toMatchObject({
      ...int16,
      wide: { ...int16, dtype: 'int16', bits: 16, a_digits: 1, b_digits: 1 },
    })
    expect(planOf({}, 'int16', [100, 50], 'int16', [50, 60]).constants).toMatchObject({
      wide: { a_digits: 1, b_digits: 2, digit_bits: 8 },
    })
    expect(planOf({ bits: 24 }, 'float32', [100, 50], 'float32', [50, 60]).constants).toMatchObject({
      rows: 101,
      depth: 52,
      columns: 61,
      wide: { ...int16, dtype: 'float32', bits: 24, a_digits: 2, b_digits: 2, digit_bits: 12 },
    })
    expect(planOf({ transpose_a: true }, 'int8', [50, 100], 'int8', [50, 60]).constants).toEqual(
      planOf({}, 'int8', [100, 50], 'int8', [50, 60]).constants,
    )
  })

  test.each<[string, Args, Dtype, number[], Dtype, number[], string]>([
    ['floats by integers', {}, 'float32', [2, 2], 'int8', [2, 2], 'a has float32, b has int8'],
    ['bits of integers', { bits: 16 }, 'int16', [2, 2], 'int16', [2, 2], 'bits are for float32'],
    ['other bits', { bits: 20 }, 'float32', [2, 2], 'float32', [2, 2], 'args.bits'],
    [
      'shapes that agree only untransposed',
      { transpose_b: true },
      'int8',
      [2, 3],
      'int8',
      [3, 2],
      'do not agree',
    ],
    [
      'too many bytes',
      {},
      'int16',
      [8192, 4097],
      'int16',
      [4097, 1],
      '4097 x 2 bytes; the limit is 67108864',
    ],
    ['too large a product', {}, 'int16', [4096, 8], 'int16', [8, 4096], 'the product is 4096 x 4096 int64'],
    [
      'too deep a product of 24 bits',
      { bits: 24 },
      'float32',
      [1, 130_000],
      'float32',
      [130_000, 1],
      'a depth of 130002 is too much for 24 bits',
    ],
  ])('%s are refused', (_, args, aType, a, bType, b, message) => {
    expect(() => planOf(args, aType, a, bType, b)).toThrow(message)
  })
})
