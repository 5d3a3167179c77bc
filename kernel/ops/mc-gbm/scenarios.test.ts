import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ForgeError } from '../../errors.ts'
import { anyWord, property } from '../../numerics/property.test-support.ts'
import { bytesToWords, wordsToBytes } from '../../numerics/words.ts'
import { expectLaws } from '../laws.test-support.ts'
import { shippedResult } from '../shipped.test-support.ts'
import type { GbmArgs } from './args.ts'
import { blackScholes, digitalPrice, europeanGreeks } from './closed-forms.ts'
import { anyScenario, BASE, contextOf } from './contracts.test-support.ts'
import { barrierPrice, lookbackPrice } from './exotic-forms.test-support.ts'
import { gbmSpec } from './index.ts'
import { gbmLeaf } from './reference.test-support.ts'
import { scenarioLeaf } from './scenario-oracle.test-support.ts'
import { GREEKS } from './scenarios.ts'

type Change = Partial<GbmArgs>
const BARRIER = { style: 'barrier', barrier_type: 'up_and_out', barrier: 125 } as const
const LOOKBACK = { style: 'lookback', strike_type: 'fixed' } as const

const wordsOf = (change: Change, shard = 0) => bytesToWords(gbmLeaf(contextOf(change), shard))
/** A sum of four limbs. */
const sumAt = (words: Uint32Array, at: number) =>
  [0, 1, 2, 3].reduce((sum, limb) => sum + (BigInt(words[at + limb] as number) << BigInt(32 * limb)), 0n)

test('the leaf agrees with the BigInt oracle, whatever the arguments and the key', () => {
  let ran = 0
  const few = anyScenario.map((args) => ({ ...args, steps: Math.max(args.steps % 12, 2) }))
  property(
    'scenarios',
    [few, anyWord, anyWord, fc.integer({ min: 1, max: 12 })],
    (args, k0, k1, paths) => {
      let context: ReturnType<typeof contextOf>
      try {
        context = contextOf(args, [k0, k1])
      } catch (error) {
        if (error instanceof ForgeError) return
        throw error
      }
      const { plan, key } = context
      const shortened = { ...plan, constants: { ...plan.constants, last_paths: paths } }
      const shard = plan.shard_count - 1
      const leaf = gbmLeaf({ ...context, plan: shortened }, shard)
      const first = BigInt(shard) << BigInt(plan.constants.log2_shard_paths)
      expect([...bytesToWords(leaf)]).toEqual(scenarioLeaf(context.args, plan.constants, key, first, paths))
      expect(gbmSpec.checkLeaf(shortened, shard, leaf)).toBeUndefined()
      ran++
    },
    120,
  )
  expect(ran).toBeGreaterThan(50)
})

describe('on the same paths', () => {
  const SHORT = { steps: 6, paths: 3000 }

  test.each(['european', 'asian'] as const)('%s: the price is that of the kernel without Greeks', (style) => {
    const plain = wordsOf({ ...SHORT, style, right: 'put' })
    // The format has room for the changed terms: compare with the same format.
    const greeks = contextOf({ ...SHORT, style, right: 'put', greeks: true })
    expect(greeks.plan.constants.ratio_bits).toBe(contextOf({ ...SHORT, style }).plan.constants.ratio_bits)
    const words = bytesToWords(gbmLeaf(greeks, 0))
    expect([...words.subarray(3, 528)]).toEqual([...plain.subarray(3)])
  })

  test.each(['call', 'put'] as const)(
    '%s: what begins and what ceases at a barrier is the plain option',
    (right) => {
      const plain = wordsOf({ ...SHORT, right })
      for (const [direction, barrier] of [
        ['up', 120],
        ['down', 85],
      ] as const) {
        const [begins, ceases] = (['in', 'out'] as const).map((kind) =>
          wordsOf({ ...SHORT, right, style: 'barrier', barrier, barrier_type: `${direction}_and_${kind}` }),
        ) as [Uint32Array, Uint32Array]
        expect(sumAt(begins, 4)).toBeGreaterThan(0n)
        expect(sumAt(begins, 4) + sumAt(ceases, 4)).toBe(sumAt(plain, 4))
        expect(sumAt(begins, 8) + sumAt(ceases, 8)).toBe(sumAt(plain, 8))
        for (let bin = 16; bin < 528; bin++) {
          expect((begins[bin] as number) + (ceases[bin] as number)).toBe(plain[bin])
        }
      }
    },
  )

  test('a rebate is paid by the paths on which the option does not exist', () => {
    const without = wordsOf({ ...SHORT, ...BARRIER, right: 'put', barrier: 110, strike: 1 })
    const context = contextOf({ ...SHORT, ...BARRIER, right: 'put', barrier: 110, strike: 1, rebate: 4 })
    const words = bytesToWords(gbmLeaf(context, 0))
    const ended = 3000 - (words[1] as number)
    expect(without[1]).toBe(3000)
    expect(ended).toBeGreaterThan(500)
    expect(sumAt(words, 4)).toBe(BigInt(ended) * BigInt(context.plan.constants.scenarios?.rebate ?? 0))
  })

  test('a digital call and put together pay always', () => {
    const digital = { ...SHORT, style: 'digital', payout: 5 } as const
    const [call, put] = (['call', 'put'] as const).map((right) => wordsOf({ ...digital, right })) as [
      Uint32Array,
      Uint32Array,
    ]
    expect((call[1] as number) + (put[1] as number)).toBe(3000)
    expect(sumAt(call, 4) + sumAt(put, 4)).toBe(3000n << 30n)
  })

  test('a lookback option pays at least what the plain one does', () => {
    property(
      'lookback',
      [fc.constantFrom('call', 'put'), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 60, max: 160 })],
      (right, steps, strike) => {
        const plain = wordsOf({ steps, strike, right, paths: 40 })
        const fixed = wordsOf({ ...LOOKBACK, steps, strike, right, paths: 40 })
        expect(sumAt(fixed, 4)).toBeGreaterThanOrEqual(sumAt(plain, 4))
        expect(fixed[1] as number).toBeLessThanOrEqual(plain[1] as number)
      },
      30,
    )
  })

  test('delta of a call and a put differ by the delta of the forward, gamma and vega by none', () => {
    const sums = (right: 'call' | 'put') => {
      const words = wordsOf({ steps: 4, paths: 2000, right, greeks: true })
      return [0, 1, 2].map((greek) => sumAt(words, 528 + 12 * greek) - sumAt(words, 532 + 12 * greek))
    }
    const [call, put] = [sums('call'), sums('put')]
    const { plan } = contextOf({ steps: 4, paths: 2000, greeks: true })
    const forward = Number((call[0] as bigint) - (put[0] as bigint)) / 2 ** plan.constants.ratio_bits / 2000
    expect(forward).toBeCloseTo(0.02 * Math.exp(BASE.rate - BASE.dividend_yield), 3)
    const gamma = Number((call[1] as bigint) - (put[1] as bigint)) / 2 ** plan.constants.ratio_bits / 2000
    expect(Math.abs(gamma)).toBeLessThan(1e-7)
  })
})

describe('what a reference cannot know: closed forms', () => {
  const MANY = { steps: 1, paths: 1_000_000 }

  test.each([
    [{ right: 'call' }],
    [{ right: 'put', strike: 90 }],
    [{ right: 'call', volatility: 0.5, maturity_years: 3, dividend_yield: 0.04, rate: -0.02 }],
  ] as const)('European Greeks: %j', async (change) => {
    const context = contextOf({ ...MANY, paths: 400_000, ...change, greeks: true })
    const { args } = context
    const { greeks, price, standard_error } = await shippedResult(gbmSpec, context)
    expect(greeks).toBeDefined()
    if (greeks === undefined) return
    expect(Math.abs(price - blackScholes(args))).toBeLessThan(3 * standard_error)
    const theory = europeanGreeks(args)
    /** The difference of prices over the same bumps: what the estimate is unbiased for. */
    const at = (terms: Change) => blackScholes({ ...args, ...terms })
    const pair = (up: Change, down: Change, over: number) => (at(up) - at(down)) / over
    const { spot, volatility, rate, maturity_years } = args
    const expected = {
      delta: pair({ spot: spot * 1.01 }, { spot: spot * 0.99 }, 0.02 * spot),
      gamma: (at({ spot: spot * 1.05 }) + at({ spot: spot * 0.95 }) - 2 * at({})) / (0.05 * spot) ** 2,
      vega: pair({ volatility: volatility * 1.01 }, { volatility: volatility * 0.99 }, 0.02 * volatility),
      rho: pair({ rate: rate + 0.01 }, { rate: rate - 0.01 }, 0.02),
      theta: -pair(
        { maturity_years: maturity_years * 1.01 },
        { maturity_years: maturity_years * 0.99 },
        0.02 * maturity_years,
      ),
    }
    for (const greek of GREEKS) {
      const { value, standard_error: error } = greeks[greek]
      expect(Math.abs(value - expected[greek]), greek).toBeLessThan(4 * error)
      // The bumps are small: the difference is near the derivative.
      expect(Math.abs(expected[greek] - theory[greek]), greek).toBeLessThan(
        0.02 * Math.abs(theory[greek]) + 1e-3,
      )
    }
    // Common random numbers: two independent prices would be ten times as far off.
    expect(greeks.delta.standard_error).toBeLessThan((0.1 * standard_error * Math.SQRT2) / (0.02 * spot))
  })

  test.each([[{ right: 'call', strike: 95 }], [{ right: 'put', strike: 120, volatility: 0.4 }]] as const)(
    'digital: %j',
    async (change) => {
      const context = contextOf({ ...MANY, ...change, style: 'digital', payout: 10 })
      const result = await shippedResult(gbmSpec, context)
      const theory = digitalPrice(context.args, 10)
      expect(Math.abs(result.price - theory)).toBeLessThan(3 * result.standard_error)
      expect(result.largest_payoff).toBe(10)
      const other = digitalPrice({ ...context.args, right: change.right === 'call' ? 'put' : 'call' }, 10)
      expect(theory + other).toBeCloseTo(10 * Math.exp(-BASE.rate), 12)
    },
  )

  test.each([
    [{ barrier_type: 'up_and_out', barrier: 130, right: 'call' }],
    [{ barrier_type: 'up_and_in', barrier: 120, right: 'put' }],
    [{ barrier_type: 'down_and_out', barrier: 92, right: 'call' }],
    [{ barrier_type: 'down_and_in', barrier: 85, right: 'put', rebate: 2 }],
  ] as const)(
    'a barrier watched 50 times, with the correction of Broadie, Glasserman and Kou: %j',
    async (change) => {
      const context = contextOf({ ...change, style: 'barrier', steps: 50, paths: 400_000 })
      const result = await shippedResult(gbmSpec, context)
      const corrected = barrierPrice(context.args, true)
      const continuous = barrierPrice(context.args, false)
      // What the correction leaves is of higher order in the spacing.
      expect(Math.abs(result.price - corrected)).toBeLessThan(3 * result.standard_error + 0.02)
      expect(Math.abs(result.price - continuous)).toBeGreaterThan(4 * result.standard_error)
    },
  )

  test.each([
    [{ right: 'call', strike_type: 'floating' }],
    [{ right: 'put', strike_type: 'floating' }],
    [{ right: 'call', strike_type: 'fixed', strike: 110 }],
    [{ right: 'put', strike_type: 'fixed', strike: 95 }],
  ] as const)('a lookback option watched 50 times, with the discrete correction: %j', async (change) => {
    const context = contextOf({ ...change, style: 'lookback', steps: 50, paths: 400_000 })
    const result = await shippedResult(gbmSpec, context)
    const corrected = lookbackPrice(context.args, true)
    const continuous = lookbackPrice(context.args, false)
    // The correction is of first order in the spacing: what is left is below 1 % here.
    expect(Math.abs(result.price - corrected)).toBeLessThan(3 * result.standard_error + 0.005 * corrected)
    expect(Math.abs(result.price - continuous)).toBeGreaterThan(0.02 * continuous)
  })
})

describe('laws', () => {
  test.each<[string, Change]>([
    ['digital', { style: 'digital', payout: 10, greeks: true }],
    ['barrier', { ...BARRIER, rebate: 1, greeks: true }],
    ['lookback', LOOKBACK],
    ['asian with Greeks', { style: 'asian', greeks: true }],
  ])('%s', (_, change) => {
    const result = expectLaws(
      gbmSpec,
      contextOf({ ...change, steps: 4096, paths: 70 + (change.greeks ? 0 : 1024) }),
    )
    expect(result.greeks !== undefined).toBe(change.greeks === true)
  })

  test.each<[string, (words: Uint32Array) => void, string]>([
    ['squares of delta too small', (w) => w.fill(0, 528 + 8, 528 + 12), 'delta against Cauchy'],
    ['squares of theta too large', (w) => w.set([1], 528 + 48 + 11), 'theta'],
    ['a sum of gamma beyond the largest', (w) => w.set([1], 528 + 12 + 3), 'gamma beyond'],
  ])('checkLeaf finds %s', (_, change, complaint) => {
    const context = contextOf({ style: 'digital', payout: 1, greeks: true, steps: 3, paths: 200 })
    const words = bytesToWords(gbmLeaf(context, 0))
    expect(gbmSpec.checkLeaf(context.plan, 0, wordsToBytes(words))).toBeUndefined()
    change(words)
    expect(gbmSpec.checkLeaf(context.plan, 0, wordsToBytes(words))).toContain(complaint)
  })
})

describe('refusals', () => {
  test.each<[string, object, string]>([
    ['no strike', { strike: undefined }, 'strike'],
    ['a digital option without a payout', { style: 'digital' }, 'payout'],
    ['a payout of another style', { payout: 3 }, 'payout'],
    ['a barrier option without a type', { style: 'barrier', barrier: 120 }, 'barrier_type'],
    ['a rebate without a barrier', { rebate: 1 }, 'rebate'],
    ['a floating strike that is given', { style: 'lookback', strike_type: 'floating' }, 'strike'],
    ['a fixed strike that is not', { ...LOOKBACK, strike: undefined }, 'strike'],
  ])('the schema refuses %s', (_, change, field) => {
    const args = Object.fromEntries(
      Object.entries({ ...BASE, ...change }).filter(([, value]) => value !== undefined),
    )
    const parsed = gbmSpec.args.safeParse(args)
    expect(parsed.error?.issues.map(({ path }) => path[0])).toEqual([field])
  })

  test.each([
    ['up_and_in', 100],
    ['down_and_out', 100],
    ['up_and_out', 80],
  ] as const)('the plan refuses a barrier on the wrong side: %s at %d', (barrier_type, barrier) => {
    expect(() => contextOf({ style: 'barrier', barrier_type, barrier })).toThrow('the barrier lies')
  })

  test('earlier contracts keep their canonical form', () => {
    expect(Object.keys(gbmSpec.args.parse(BASE)).sort()).toEqual(Object.keys(BASE).sort())
  })
})
