import { describe, expect, test } from 'vitest'
import { ForgeError } from '../../errors.ts'
import { NORMAL_MAX_Q24 } from '../../numerics/normal.ts'
import { property } from '../../numerics/property.test-support.ts'
import { strikeOf } from './args.ts'
import { anyArgs, BASE, contextOf } from './contracts.test-support.ts'
import { gbmSpec } from './index.ts'
import { planGbm } from './plan.ts'

const LOG2E = Math.LOG2E

function refusal(run: () => unknown): ForgeError {
  try {
    run()
  } catch (error) {
    if (error instanceof ForgeError) return error
    throw error
  }
  throw new Error('not refused')
}

describe('constants', () => {
  test('of a known contract, against the formulas in doubles', () => {
    const { args, plan } = contextOf({ steps: 252, paths: 100_000, style: 'asian' })
    const c = plan.constants
    const drift = ((args.rate - args.dividend_yield - args.volatility ** 2 / 2) / 252) * LOG2E
    expect(c.normal_shift).toBe(12)
    expect(c.x_bits).toBe(24)
    expect(c.volatility / 2 ** 36).toBeCloseTo(0.2 * Math.sqrt(1 / 252) * LOG2E, 10)
    expect((c.step_drift * 2 ** 32 + c.step_drift_fraction) / 2 ** 56).toBeCloseTo(drift, 14)
    expect(c.total_drift).toBe(Math.round(drift * 252 * 2 ** 24))
    // 9 * 0.2 * log2 e + 0.02 log2 e = 2.63 doublings.
    expect(c.ratio_bits).toBe(28)
    expect(c.strike).toBe(Math.round(1.05 * 2 ** 28))
    expect(c.average_shift).toBe(7)
    expect(c.average_factor).toBe(Math.floor(2 ** 39 / 252))
    expect(plan.shard_count).toBe(7)
    expect(c.log2_shard_paths).toBe(14)
    expect(c.last_paths).toBe(100_000 - 6 * 16384)
  })

  test('whatever the arguments: words in range, proofs hold, or a refusal that says where', () => {
    let planned = 0
    let refused = 0
    property(
      'plan',
      [anyArgs],
      (args) => {
        let plan: ReturnType<typeof planGbm>
        try {
          plan = planGbm(args)
        } catch (error) {
          expect(error).toBeInstanceOf(ForgeError)
          const { code, path, hint } = error as ForgeError
          expect(code).toBe('ARGS_OUT_OF_RANGE')
          expect(path).toMatch(/^args\.(volatility|strike|steps)$/)
          expect(hint).toBeTruthy()
          refused++
          return
        }
        planned++
        const c = plan.constants
        for (const [name, value] of Object.entries({ ...c, scenarios: 0 })) {
          expect(Number.isInteger(value), name).toBe(true)
          expect(value <= 0xffffffff && value >= -0x80000000, name).toBe(true)
        }
        expect(c.normal_shift >= 4 && c.normal_shift <= 16).toBe(true)
        expect(c.x_bits >= 16 && c.x_bits <= 24).toBe(true)
        expect(c.ratio_bits >= 11 && c.ratio_bits <= 30).toBe(true)
        expect(c.log2_shard_paths >= 6 && c.log2_shard_paths <= 20).toBe(true)
        expect(c.bin_shift >= 0 && c.bin_shift <= 22).toBe(true)
        expect(c.last_paths >= 1 && c.last_paths <= 2 ** c.log2_shard_paths).toBe(true)
        expect((plan.shard_count - 1) * 2 ** c.log2_shard_paths + c.last_paths).toBe(args.paths)
        expect(Number.isSafeInteger(plan.work_units) && plan.work_units > 0).toBe(true)
        // The worst path, in doubles.
        const scaled = (NORMAL_MAX_Q24 * args.steps * 256) / 2 ** c.normal_shift
        expect(scaled).toBeLessThan(2 ** 31)
        expect(Math.abs(c.total_drift) + (scaled * c.volatility) / 2 ** 32).toBeLessThan(2 ** 30)
        // Nine standard deviations and twice the strike are in range.
        const ln = (args.rate - args.dividend_yield - args.volatility ** 2 / 2) * args.maturity_years
        const top = (Math.max(ln, 0) + 9 * args.volatility * Math.sqrt(args.maturity_years)) * LOG2E
        const range = 31 - c.ratio_bits
        expect(range).toBeGreaterThanOrEqual(top - 1e-9)
        expect(
          range === 1 || range < Math.max(top, Math.log2(strikeOf(args) / args.spot) + 1) + 1 + 1e-9,
        ).toBe(true)
        expect(c.strike / 2 ** c.ratio_bits).toBeCloseTo(
          strikeOf(args) / args.spot,
          -Math.log10(2 ** -c.ratio_bits) - 0.31,
        )
        // The volatility keeps the variance: relative to its own size, or far below the last place of x.
        const volatility = args.volatility * Math.sqrt(args.maturity_years / args.steps) * LOG2E
        expect(Math.abs(c.volatility / 2 ** (c.x_bits + c.normal_shift) / volatility - 1)).toBeLessThan(
          1e-12 + 0.51 / c.volatility,
        )
      },
      500,
    )
    expect(planned).toBeGreaterThan(100)
    expect(refused).toBeGreaterThan(5)
  })

  test('the drift of all steps is what a step adds up to', () => {
    property(
      'drift',
      [anyArgs],
      (args) => {
        try {
          const c = planGbm(args).constants
          const step = (BigInt(c.step_drift) << 32n) + BigInt(c.step_drift_fraction)
          expect(BigInt(c.total_drift)).toBe((BigInt(args.steps) * step + (1n << 31n)) >> 32n)
        } catch (error) {
          if (!(error instanceof ForgeError)) throw error
        }
      },
      200,
    )
  })
})

describe('refusals', () => {
  test('an average of one price', () => {
    expect(refusal(() => contextOf({ style: 'asian', steps: 1 })).path).toBe('args.steps')
  })

  test('more than 2^20 times the spot', () => {
    expect(refusal(() => contextOf({ volatility: 2, maturity_years: 3 })).path).toBe('args.volatility')
    expect(refusal(() => contextOf({ spot: 1, strike: 600_000 })).path).toBe('args.strike')
    expect(contextOf({ spot: 1, strike: 500_000 }).plan.constants.ratio_bits).toBe(11)
  })

  test.each([
    ['spot', 0],
    ['strike', -1],
    ['volatility', 0],
    ['volatility', 6],
    ['rate', 1.5],
    ['maturity_years', 51],
    ['steps', 4097],
    ['steps', 1.5],
    ['paths', 1],
    ['style', 'american'],
    ['right', 'both'],
    ['extra', 1],
  ])('the schema refuses %s = %s', (field, value) => {
    expect(gbmSpec.args.safeParse({ ...BASE, [field]: value }).success).toBe(false)
  })

  test('dividend_yield has the default 0; the example is valid', () => {
    const { dividend_yield: _, ...rest } = BASE
    expect(gbmSpec.args.parse(rest).dividend_yield).toBe(0)
    expect(() => planGbm(gbmSpec.args.parse(gbmSpec.example))).not.toThrow()
  })
})
