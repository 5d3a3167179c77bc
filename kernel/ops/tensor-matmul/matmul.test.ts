import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../digest.ts'
import { ForgeError } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import { property } from '../../numerics/property.test-support.ts'
import { referenceLeaf } from '../references.test-support.ts'
import { matmul } from './index.ts'
import {
  int8Bytes,
  int32Elements,
  matmulContract,
  mixed,
  naiveProduct,
  product,
  type Shape,
} from './operands.test-support.ts'
import { type MatmulResult, matmulResult } from './product.ts'
import golden from './testdata/golden.json' with { type: 'json' }

const D = '0'.repeat(64)

function planOf(rows: number, depth: number, columns: number) {
  return matmul.prepare(matmulContract({ rows, depth, columns }, D, D)).plan
}

function refusal(run: () => unknown): ForgeError {
  try {
    run()
  } catch (error) {
    if (error instanceof ForgeError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** Runs every shard in the given order. */
function finish(shape: Shape, a: Uint8Array, b: Uint8Array, reversed = false) {
  const { job, inputs } = product(shape, a, b)
  const aggregate = job.newAggregate()
  const shards = Array.from({ length: job.plan.shard_count }, (_, i) => i)
  for (const shard of reversed ? shards.reverse() : shards) {
    const leaf = referenceLeaf(job, shard, inputs)
    expect(job.checkLeaf(shard, leaf)).toBeUndefined()
    aggregate.add(shard, leaf)
  }
  const outcome = aggregate.finish()
  const [c, ...more] = outcome.artifacts
  if (c === undefined || more.length > 0) throw new Error('one artifact is expected')
  const result = matmulResult.parse(outcome.result)
  if (result.dtype !== 'int32') throw new Error('an int32 product is expected')
  return { job, c, result }
}

describe('plan', () => {
  test.each([
    [1, 1, 1, 4, 4, 1],
    [1024, 1024, 1024, 256, 256, 16],
    [20_000, 1024, 1, 16_384, 4, 2],
    [256, 2048, 256, 128, 256, 2],
    [64, 131_071, 64, 16, 32, 8],
    [1, 64, 100_000, 4, 16_384, 7],
    [100, 8, 100, 128, 128, 1],
  ])(
    '%i x %i times ... x %i: tiles of %i x %i, %i shards',
    (rows, depth, columns, tileRows, tileColumns, shards) => {
      const plan = planOf(rows, depth, columns)
      expect(plan.constants).toEqual({ rows, depth, columns, tile_rows: tileRows, tile_columns: tileColumns })
      expect(plan.shard_count).toBe(shards)
    },
  )

  test('every tile is within its limits, and together they hold every element once', () => {
    const side = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 4096 }))
    property(
      'plans',
      [side, fc.oneof(side, fc.integer({ min: 1, max: 131_071 })), side],
      (rows, depth, columns) => {
        fc.pre(rows * depth <= LIMITS.blob_bytes && depth * columns <= LIMITS.blob_bytes)
        const { constants, shard_count, leaf, work_units } = planOf(rows, depth, columns)
        const tileRows = Number(constants.tile_rows)
        const tileColumns = Number(constants.tile_columns)
        for (const sideOfTile of [tileRows, tileColumns]) {
          expect(sideOfTile).toBeGreaterThanOrEqual(4)
          expect(Number.isInteger(Math.log2(sideOfTile))).toBe(true)
        }
        expect(tileRows * tileColumns).toBeLessThanOrEqual(65_536)
        expect(tileRows * tileColumns * depth).toBeLessThanOrEqual(2 ** 26)
        expect(shard_count).toBe(Math.ceil(rows / tileRows) * Math.ceil(columns / tileColumns))
        expect(leaf).toEqual({
          kind: 'blob',
          max_bytes: 4 * Math.min(rows, tileRows) * Math.min(columns, tileColumns),
        })
        expect(Number.isSafeInteger(work_units) && work_units >= 1).toBe(true)
      },
      500,
    )
  })

  test('cost grows with the work', () => {
    const units = [64, 256, 1024].map((n) => planOf(n, n, n).work_units)
    expect(units).toEqual([...units].sort((x, y) => x - y))
    // One unit is about a microsecond: 2^30 multiply-adds take some tenths of a second.
    expect(units.at(-1)).toBeGreaterThan(100_000)
    expect(units.at(-1)).toBeLessThan(1_000_000)
  })

  test.each<[string, string, [number, number], [number, number]]>([
    ['shapes that do not agree', 'inputs.b.shape', [2, 3], [4, 2]],
    ['a depth whose sums can overflow', 'inputs.a.shape', [1, 131_072], [131_072, 1]],
    ['a product over the limit', 'inputs.b.shape', [4097, 1], [1, 4096]],
    ['an operand over the limit', 'inputs.a.shape', [8193, 8192], [8192, 1]],
    ['the other operand over the limit', 'inputs.b.shape', [1, 8192], [8192, 8193]],
  ])('%s are refused', (_what, path, a, b) => {
    const contract = matmulContract({ rows: 1, depth: 1, columns: 1 }, D, D)
    const inputs = {
      a: { digest: D, dtype: 'int8' as const, shape: a },
      b: { digest: D, dtype: 'int8' as const, shape: b },
    }
    const error = refusal(() => matmul.prepare({ ...contract, inputs }))
    expect([error.code, error.path]).toEqual(['INPUT_INVALID', path])
    expect(error.hint).toBeTruthy()
  })

  test('the largest product is planned', () => {
    expect(planOf(4096, 16_384, 4096).leaf.max_bytes).toBeLessThanOrEqual(2 ** 18)
    expect(planOf(512, 131_071, 512).shard_count).toBe(32 * 16)
  })

  test('unknown arguments are refused', () => {
    const contract = matmulContract({ rows: 1, depth: 1, columns: 1 }, D, D)
    const error = refusal(() => matmul.prepare({ ...contract, args: { transpose: true } }))
    expect([error.code, error.path]).toEqual(['ARGS_OUT_OF_RANGE', 'args.transpose'])
  })
})

describe('known answers', () => {
  test.each(golden.cases)('$rows x $depth x $columns of $fill_a, $fill_b', (known) => {
    const { rows, depth, columns, fill_a, fill_b } = known
    const a = int8Bytes(rows * depth, fill_a === null ? mixed(1) : () => fill_a)
    const b = int8Bytes(depth * columns, fill_b === null ? mixed(77) : () => fill_b)
    const { job, inputs } = product({ rows, depth, columns }, a, b)
    expect(job.plan.constants).toMatchObject({ tile_rows: known.tile_rows, tile_columns: known.tile_columns })
    expect(known.tiles.map((_, shard) => sha256Hex(referenceLeaf(job, shard, inputs)))).toEqual(known.tiles)
    const { c, result } = finish({ rows, depth, columns }, a, b)
    expect(sha256Hex(c.bytes)).toBe(known.digest)
    expect(result).toMatchObject({
      shape: [rows, columns],
      dtype: 'int32',
      digest: known.digest,
      min: known.min,
      max: known.max,
      sum: known.sum,
      frobenius_squared: known.frobenius_squared,
      trace: known.trace,
    })
    expect(int32Elements(c.bytes).at(0)).toBe(BigInt(known.first))
    expect(int32Elements(c.bytes).at(-1)).toBe(BigInt(known.last))
  })
})

test('equals the definition for any shape and any bytes', () => {
  const side = fc.integer({ min: 1, max: 21 })
  let partial = 0
  property(
    'matmul against the definition',
    [
      side,
      fc.oneof(side, fc.integer({ min: 250, max: 520 })),
      side,
      fc.constantFrom<number | undefined>(undefined, -128, 127),
      fc.nat(),
    ],
    (rows, depth, columns, fill, salt) => {
      const shape = { rows, depth, columns }
      const a = int8Bytes(rows * depth, fill === undefined ? mixed(salt) : () => fill)
      const b = int8Bytes(depth * columns, mixed(salt + 1))
      if (rows % 4 !== 0 || columns % 4 !== 0) partial++
      expect(int32Elements(finish(shape, a, b).c.bytes)).toEqual(naiveProduct(shape, a, b))
    },
    150,
  )
  expect(partial).toBeGreaterThan(50)
})

test('tiles fold in any order, and from operands that lie anywhere in memory', () => {
  const shape = { rows: 270, depth: 19, columns: 530 }
  const unaligned = (bytes: Uint8Array): Uint8Array => {
    const larger = new Uint8Array(bytes.length + 3)
    larger.set(bytes, 3)
    return larger.subarray(3)
  }
  const a = int8Bytes(270 * 19, mixed(5))
  const b = int8Bytes(19 * 530, mixed(6))
  const forwards = finish(shape, a, b)
  const backwards = finish(shape, unaligned(a), unaligned(b), true)
  expect(forwards.job.plan.shard_count).toBe(6)
  expect(backwards.result).toEqual(forwards.result)
  expect(int32Elements(forwards.c.bytes)).toEqual(naiveProduct(shape, a, b))
})

describe('leaves', () => {
  const shape = { rows: 5, depth: 3, columns: 6 }
  const { job, inputs } = product(shape, int8Bytes(15, mixed(1)), int8Bytes(18, mixed(2)))
  const leaf = referenceLeaf(job, 0, inputs)

  test('have exactly the length of their tile', () => {
    expect(leaf).toHaveLength(5 * 6 * 4)
    expect(job.checkLeaf(0, leaf.subarray(4))).toContain('116 bytes')
    expect(job.checkLeaf(0, new Uint8Array(124))).toBeDefined()
    expect(job.checkLeaf(0, new Uint8Array(0))).toBeDefined()
  })

  test('hold only sums that depth products can reach', () => {
    const forged = (value: number): Uint8Array => {
      const bytes = leaf.slice()
      new DataView(bytes.buffer).setInt32(29 * 4, value, true)
      return bytes
    }
    expect(job.checkLeaf(0, forged(3 * 16_384))).toBeUndefined()
    expect(job.checkLeaf(0, forged(3 * 16_384 + 1))).toContain('element 29')
    expect(job.checkLeaf(0, forged(-3 * 16_256))).toBeUndefined()
    expect(job.checkLeaf(0, forged(-3 * 16_256 - 1))).toContain('element 29')
  })

  test('of a shard beyond the plan do not exist', () => {
    expect(() => referenceLeaf(job, 1, inputs)).toThrow('not in the plan')
  })

  test.each([
    ['a', new Map([['b', inputs.get('b') as Uint8Array]]), 'INPUT_MISSING'],
    ['b', new Map([...inputs, ['b', new Uint8Array(17)]]), 'INPUT_INVALID'],
  ])('need the bytes of %s as its shape says', (name, broken, code) => {
    const error = refusal(() => referenceLeaf(job, 0, broken as ReadonlyMap<string, Uint8Array>))
    expect(error.code).toBe(code)
    expect(error.path).toContain(`inputs.${name}`)
  })
})

describe('the GPU program', () => {
  const shape = { rows: 6, depth: 5, columns: 11 }
  const a = int8Bytes(30, mixed(3))
  const b = int8Bytes(55, mixed(4))
  const { job } = product(shape, a, b)
  const program = job.gpu()

  test('covers a tile by blocks of 4 x 8, four invocations each, and passes the kernel its geometry', () => {
    expect(program.kernel).toBe(matmul.kernel)
    expect(program.invocations).toBe(4 * 2 * 2)
    expect(program.slot_words).toBe(8 * 16)
    expect([...program.words]).toEqual([2, 2, 1, 2, 2, 1, 1, 4, 1, 1, 1, 0, 0])
  })

  test('packs operands in steps of eight pairs along the depth, zero beyond the matrix', () => {
    const [packA, packB] = program.inputs
    const signed = (byte: number | undefined) => ((byte ?? 0) << 24) >> 24
    const pair = (low: number | undefined, high: number | undefined) =>
      ((signed(low) & 0xffff) | (signed(high) << 16)) >>> 0
    const aPair = (row: number, k: number) =>
      row < 6 ? pair(k < 5 ? a[row * 5 + k] : 0, k < 4 ? a[row * 5 + k + 1] : 0) : 0
    const bPair = (column: number, k: number) =>
      column < 11 ? pair(k < 5 ? b[k * 11 + column] : 0, k < 4 ? b[(k + 1) * 11 + column] : 0) : 0
    const groups = (width: number, of: (line: number, k: number) => number): number[] =>
      Array.from({ length: 2 * 8 * width }, (_, i) =>
        of(width * Math.floor(i / (8 * width)) + (i % width), 2 * (Math.floor(i / width) % 8)),
      )
    expect([packA?.name, packB?.name]).toEqual(['a', 'b'])
    expect([...(packA?.pack(a) ?? [])]).toEqual(groups(4, aPair))
    expect([...(packB?.pack(b) ?? [])]).toEqual(groups(8, bPair))
  })

  test('cuts the leaf out of its slot', () => {
    const slot = Uint32Array.from({ length: 128 }, (_, i) => i)
    expect(int32Elements(program.leaf(0, slot))).toEqual(
      [0, 1, 2, 3, 4, 5].flatMap((row) =>
        Array.from({ length: 11 }, (_, column) => BigInt(16 * row + column)),
      ),
    )
  })

  test('for packed bytes has the same leaves of other words', () => {
    const [bytes] = program.variants ?? []
    expect(bytes?.kernel).toBe(`${matmul.kernel}.dp4a`)
    expect(bytes?.invocations).toBe(2 * 4)
    expect([...(bytes?.words ?? [])]).toEqual([2, 2, 3, 1, 2, 4, 1])
    const word = (of: (number | undefined)[]): number =>
      of.reduce<number>((sum, byte, i) => sum + (byte ?? 0) * 2 ** (8 * i), 0)
    const rowWord = (row: number, k: number): number =>
      row < 6 ? word([0, 1, 2, 3].map((i) => (4 * k + i < 5 ? a[row * 5 + 4 * k + i] : 0))) : 0
    expect([...(bytes?.inputs[0]?.pack(a) ?? [])]).toEqual(
      Array.from({ length: 16 }, (_, i) => rowWord(4 * Math.floor(i / 8) + (i % 4), Math.floor(i / 4) % 2)),
    )
    expect(
      bytes?.leaf(
        0,
        Uint32Array.from({ length: 128 }, (_, i) => i),
      ),
    ).toHaveLength(6 * 11 * 4)
  })
})

describe('result for people', () => {
  test('a small product is shown element by element', () => {
    const { job, result } = finish(
      { rows: 2, depth: 2, columns: 2 },
      Uint8Array.of(1, 2, 3, 255),
      Uint8Array.of(5, 6, 7, 248),
    )
    expect(result.preview).toEqual({ rows: 2, columns: 2, values: [19, -10, 8, 26] })
    expect(result.trace).toBe(45)
    const summary = job.summarise(result)
    expect(summary.headline.value).toBe(`2 × 2 int32, sha256 ${result.digest.slice(0, 12)}…`)
    expect(summary.charts).toEqual([
      { kind: 'heatmap', title: 'Elements of C', rows: 2, columns: 2, values: [19, -10, 8, 26] },
    ])
    expect(summary.figures.map(({ label }) => label)).toContain('Trace')
  })

  test('a large one by the rounded means of 32 x 32 blocks', () => {
    const shape = { rows: 70, depth: 3, columns: 45 }
    const { job, result, c } = finish(shape, int8Bytes(210, mixed(8)), int8Bytes(135, mixed(9)))
    const elements = int32Elements(c.bytes)
    const expected: number[] = []
    for (let i = 0; i < 32; i++) {
      for (let j = 0; j < 32; j++) {
        const block: bigint[] = []
        for (let row = Math.floor((i * 70) / 32); row < Math.floor(((i + 1) * 70) / 32); row++) {
          for (let column = Math.floor((j * 45) / 32); column < Math.floor(((j + 1) * 45) / 32); column++) {
            block.push(elements[row * 45 + column] as bigint)
          }
        }
        const sum = block.reduce((total, value) => total + value, 0n)
        expected.push(Math.floor(Number(sum) / block.length + 0.5))
      }
    }
    expect(result.preview).toEqual({ rows: 32, columns: 32, values: expected })
    expect(result.trace).toBeNull()
    expect(job.summarise(result satisfies MatmulResult).charts[0]?.title).toBe('Means of blocks of C')
  })
})
