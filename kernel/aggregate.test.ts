import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Aggregate, createAggregate } from './aggregate.ts'
import { property } from './numerics/property.test-support.ts'
import type { Convergence, OpSpec, Plan } from './ops/op.ts'

type Sum = { count: number; total: number }
type Args = Record<string, never>
type Constants = Record<string, never>
type Result = { count: number; total: number; convergence: { shards: number; value: number }[] }
type Op = OpSpec<Args, Constants, Sum, Result>

const outcome = (sum: Sum, convergence: Convergence): Result => ({
  ...sum,
  convergence: convergence.map(({ shards, value }) => ({ shards, value })),
})

/** Adds the byte of each leaf; the estimate is the mean. */
const MEAN: Op = {
  ref: { name: 'custom', version: 1, profile: 'mean.v1' },
  title: 'Mean',
  description: 'Mean of the bytes.',
  args: z.strictObject({}),
  inputs: {},
  example: {},
  golden: () => [],
  kernel: 'mc/pi.v1',
  tables: [],
  plan: () => planOf(1),
  gpu: () => {
    throw new Error('not asked for')
  },
  checkLeaf: () => undefined,
  fold: {
    empty: () => ({ count: 0, total: 0 }),
    add: (sum, _shard, leaf) => {
      sum.count++
      sum.total += leaf[0] ?? 0
    },
    merge: (sum, other) => {
      sum.count += other.count
      sum.total += other.total
    },
  },
  estimate: (_args, _plan, { count, total }) => ({ samples: count, value: total / count, standard_error: 0 }),
  reduce: (_args, _plan, sum, convergence) => ({ result: outcome(sum, convergence), artifacts: [] }),
  result: z.custom<Result>(),
  summarise: () => ({ headline: { label: '', value: 0 }, figures: [], charts: [], notes: [] }),
}

/** The same without estimates: it keeps one fold. */
const { estimate: _estimate, ...SUM_ONLY } = MEAN

function planOf(shard_count: number): Plan<Constants> {
  return { shard_count, work_units: 1, leaf: { kind: 'inline', max_bytes: 1 }, constants: {} }
}

function fold(op: Op, bytes: Uint8Array, order: readonly number[]): Aggregate {
  const aggregate = createAggregate(op, {}, planOf(bytes.length))
  for (const shard of order) aggregate.add(shard, bytes.subarray(shard, shard + 1))
  return aggregate
}

const inOrder = (bytes: Uint8Array): number[] => Array.from(bytes, (_, i) => i)

/** Leaves, and an order in which they arrive. */
const arrival = fc
  .uint8Array({ minLength: 1, maxLength: 200 })
  .chain((bytes) =>
    fc.tuple(
      fc.constant(bytes),
      fc.shuffledSubarray(inOrder(bytes), { minLength: bytes.length, maxLength: bytes.length }),
    ),
  )

describe.each([
  ['an op that estimates', MEAN],
  ['an op that does not', SUM_ONLY satisfies Op],
])('%s', (_name, op) => {
  test('the outcome does not depend on the order of arrival', () => {
    let moved = 0
    property(
      'order of arrival',
      [arrival],
      ([bytes, order]) => {
        if (order.some((shard, i) => shard !== i)) moved++
        expect(fold(op, bytes, order).finish()).toEqual(fold(op, bytes, inOrder(bytes)).finish())
      },
      200,
    )
    expect(moved).toBeGreaterThan(50)
  })

  test('looking on while it runs changes nothing', () => {
    property(
      'looking on',
      [arrival],
      ([bytes, order]) => {
        const aggregate = createAggregate(op, {}, planOf(bytes.length))
        for (const shard of order) {
          aggregate.add(shard, bytes.subarray(shard, shard + 1))
          aggregate.estimate()
        }
        expect(aggregate.finish()).toEqual(fold(op, bytes, inOrder(bytes)).finish())
      },
      50,
    )
  })

  test('a job with a shard missing has no outcome', () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const aggregate = fold(op, bytes, [2, 0])
    expect(aggregate.folded).toBe(2)
    expect(() => aggregate.finish()).toThrow('2 of 3')
  })
})

test('the convergence is the estimate after the first 2^j - 1 shards of the plan, and after all', () => {
  property(
    'convergence over plan prefixes',
    [arrival],
    ([bytes, order]) => {
      const expected: { shards: number; value: number }[] = []
      for (let end = 1; ; end = 2 * end + 1) {
        const shards = Math.min(end, bytes.length)
        const total = bytes.subarray(0, shards).reduce((sum, byte) => sum + byte, 0)
        expected.push({ shards, value: total / shards })
        if (shards === bytes.length) break
      }
      expect(fold(MEAN, bytes, order).finish().result.convergence).toEqual(expected)
    },
    200,
  )
})

test('the running estimate is over what has been folded, and there is none before', () => {
  const aggregate = createAggregate(MEAN, {}, planOf(4))
  expect(aggregate.estimate()).toBeUndefined()
  aggregate.add(3, Uint8Array.of(10))
  aggregate.add(0, Uint8Array.of(20))
  expect(aggregate.estimate()).toEqual({ samples: 2, value: 15, standard_error: 0 })
})

test('an op without estimates has none and no convergence', () => {
  const aggregate = fold(SUM_ONLY, Uint8Array.of(5), [0])
  expect(aggregate.estimate()).toBeUndefined()
  expect(aggregate.finish().result.convergence).toEqual([])
})
