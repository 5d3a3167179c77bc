import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Dtype, parseContract } from '../../contract.ts'
import { property } from '../../numerics/property.test-support.ts'
import { referenceLeaf } from '../references.test-support.ts'
import { matmul } from './index.ts'

const SECRET = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)

function jobOf(dtype: Dtype, args: object, a: readonly [number, number], b: readonly [number, number]) {
  const input = (shape: readonly [number, number]) => ({ digest: '0'.repeat(64), dtype, shape: [...shape] })
  return matmul.prepare(
    parseContract({
      contract: 1,
      op: matmul.ref,
      args,
      inputs: { a: input(a), b: input(b) },
      seed: { mode: 'derived' },
      verify: { mode: 'algebraic' },
    }),
  )
}

const CASES = [
  ['int8', {}, [70, 33], [33, 90], 1],
  ['int8', { transpose_a: true, transpose_b: true }, [33, 70], [90, 33], 1],
  ['int8', { batch: 3 }, [3 * 20, 17], [3 * 17, 24], 1],
  ['int16', {}, [40, 20], [20, 30], 2],
  ['float32', { bits: 16 }, [24, 12], [12, 20], 4],
  ['float32', { bits: 24 }, [24, 12], [12, 20], 4],
] as const

describe("a tile's algebraic check", () => {
  it.each(CASES)(
    'of %s %o passes the reference and finds any element that is wrong',
    (dtype, args, a, b, bytes) => {
      const job = jobOf(dtype, args, a, b)
      const operand = (shape: readonly [number, number], salt: number) =>
        Uint8Array.from(
          { length: shape[0] * shape[1] * bytes },
          (_, i) => Math.imul(i + salt, 2_654_435_761) >>> 22,
        )
      const inputs = new Map([
        ['a', operand(a, 1)],
        ['b', operand(b, 2)],
      ])
      const { algebraic } = job
      if (algebraic === undefined) throw new Error('matmul has a check')
      expect(algebraic.miss).toBeLessThan(2 ** -40)
      const leaves = Array.from({ length: job.plan.shard_count }, (_, shard) =>
        referenceLeaf(job, shard, inputs),
      )
      for (const [shard, leaf] of leaves.entries())
        expect(algebraic.check(inputs, shard, leaf, SECRET)).toBeUndefined()
      property(
        `algebraic ${dtype}`,
        [fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), fc.uint8Array({ minLength: 8, maxLength: 8 })],
        (which, at, error, secret) => {
          const shard = which % leaves.length
          const wrong = (leaves[shard] as Uint8Array).slice()
          const byte = at % wrong.length
          wrong[byte] = (wrong[byte] as number) ^ error
          secret[7] = 1
          expect(algebraic.check(inputs, shard, wrong, secret)).toMatch(
            /^row \d+ is not that of the product$/,
          )
        },
        50,
      )
    },
  )

  it('refuses a tile of another size, and another op has none', () => {
    const job = jobOf('int8', {}, [8, 8], [8, 8])
    const inputs = new Map([
      ['a', new Uint8Array(64)],
      ['b', new Uint8Array(64)],
    ])
    expect(job.algebraic?.check(inputs, 0, new Uint8Array(4), SECRET)).toMatch(/bytes/)
  })
})
