import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ForgeError } from '../../errors.ts'
import { anyWord, property } from '../../numerics/property.test-support.ts'
import { bytesToWords } from '../../numerics/words.ts'
import { anyArgs, contextOf } from './contracts.test-support.ts'
import { gbmSpec } from './index.ts'
import { oracleLeaf, oraclePath } from './oracle.test-support.ts'
import { gbmLeaf } from './reference.test-support.ts'

const STYLES = ['european', 'asian'] as const
const RIGHTS = ['call', 'put'] as const

describe('the leaf agrees with the BigInt oracle', () => {
  test.each(STYLES.flatMap((style) => RIGHTS.map((right) => [style, right] as const)))(
    '%s %s',
    (style, right) => {
      for (const steps of style === 'asian' ? [2, 3, 4, 5, 12, 31] : [1, 2, 3, 4, 5, 12, 31]) {
        const context = contextOf({ style, right, steps, paths: 150, volatility: 0.7 })
        const leaf = gbmLeaf(context, 0)
        expect([...bytesToWords(leaf)]).toEqual(
          oracleLeaf(context.args, context.plan.constants, context.key, 0n, 150),
        )
        expect(gbmSpec.checkLeaf(context.plan, 0, leaf)).toBeUndefined()
      }
    },
  )

  test('the partial last shard of many, where the path index has a high word', () => {
    const context = contextOf({ steps: 4096, paths: 2 ** 34 - 1023, style: 'asian' })
    const { plan, args, key } = context
    expect(plan.constants.last_paths).toBe(1)
    const first = BigInt(plan.shard_count - 1) << BigInt(plan.constants.log2_shard_paths)
    expect(first > 0xffffffffn).toBe(true)
    const words = [...bytesToWords(gbmLeaf(context, plan.shard_count - 1))]
    expect(words).toEqual(oracleLeaf(args, plan.constants, key, first, 1))
  })

  test('a whole shard is its paths, and none of its neighbours', () => {
    const context = contextOf({ steps: 4096, paths: 5000 })
    const { plan, args, key } = context
    const paths = 1 << plan.constants.log2_shard_paths
    expect(paths).toBe(1024)
    let terminals = 0n
    for (let path = paths; path < paths + 8; path++) {
      terminals += oraclePath(args, plan.constants, key, BigInt(path)).terminal
    }
    const eight = contextOf({ steps: 4096, paths: paths + 8 })
    const words = bytesToWords(
      gbmLeaf(
        { ...eight, plan: { ...plan, shard_count: 2, constants: { ...plan.constants, last_paths: 8 } } },
        1,
      ),
    )
    expect(BigInt(words[12] as number) + (BigInt(words[13] as number) << 32n)).toBe(terminals)
  })

  test('whatever the arguments and the key', () => {
    let ran = 0
    const few = anyArgs.map((args) => ({ ...args, steps: Math.max(args.steps % 24, 2) }))
    property(
      'reference',
      [few, anyWord, anyWord, fc.integer({ min: 1, max: 40 })],
      (args, k0, k1, paths) => {
        let context: ReturnType<typeof contextOf>
        try {
          context = contextOf(args, [k0, k1])
        } catch (error) {
          if (error instanceof ForgeError) return
          throw error
        }
        const { plan, key } = context
        // The last shard of the plan, shortened to a few paths.
        const shortened = { ...plan, constants: { ...plan.constants, last_paths: paths } }
        const shard = plan.shard_count - 1
        const leaf = gbmLeaf({ ...context, plan: shortened }, shard)
        const first = BigInt(shard) << BigInt(plan.constants.log2_shard_paths)
        expect([...bytesToWords(leaf)]).toEqual(oracleLeaf(args, plan.constants, key, first, paths))
        expect(gbmSpec.checkLeaf(shortened, shard, leaf)).toBeUndefined()
        ran++
      },
      150,
    )
    expect(ran).toBeGreaterThan(50)
  })
})

describe('the fixed point against doubles on the same normals', () => {
  test.each([
    ['european', 1, 0.2],
    ['european', 252, 0.2],
    ['asian', 12, 0.2],
    ['asian', 252, 0.6],
  ] as const)('%s, %i steps, volatility %s', (style, steps, volatility) => {
    const { args, plan, key } = contextOf({ style, steps, volatility })
    const c = plan.constants
    const dt = args.maturity_years / steps
    const drift = (args.rate - args.dividend_yield - volatility ** 2 / 2) * dt
    let worst = 0
    for (let path = 0; path < 100; path++) {
      const { normals, payoff } = oraclePath(
        { ...args, strike: args.spot },
        { ...c, strike: 0 },
        key,
        BigInt(path),
      )
      let [z, mean, ratio] = [0, 0, 0]
      normals.forEach((normal, i) => {
        z += Number(normal) / 2 ** 24
        ratio = Math.exp((i + 1) * drift + volatility * Math.sqrt(dt) * z)
        mean += ratio / steps
      })
      const exact = style === 'asian' ? mean : ratio
      worst = Math.max(worst, Math.abs(Number(payoff) / 2 ** c.ratio_bits / exact - 1))
    }
    // A unit of log2 in 2^-24 is 4e-8 relative; a few of them and the rounding of the ratio.
    expect(worst).toBeLessThan(1.5e-7)
    expect(worst).toBeGreaterThan(0)
  })
})

test('ratios beyond the range are counted, not wrapped', () => {
  const context = contextOf({ steps: 2, style: 'asian', volatility: 1.4, maturity_years: 1, paths: 200 })
  // A format two hundred times too narrow.
  const constants = { ...context.plan.constants, ratio_bits: 30, strike: 1 << 28 }
  const narrow = { ...context, plan: { ...context.plan, constants } }
  const words = bytesToWords(gbmLeaf(narrow, 0))
  expect(words[2]).toBeGreaterThan(20)
  expect([...words]).toEqual(oracleLeaf(context.args, constants, context.key, 0n, 200))
})
