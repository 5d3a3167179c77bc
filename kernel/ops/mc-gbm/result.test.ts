import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../canonical.ts'
import { property } from '../../numerics/property.test-support.ts'
import { bytesToWords, wordsToBytes } from '../../numerics/words.ts'
import { strikeOf } from './args.ts'
import { blackScholes } from './closed-forms.ts'
import { anyArgs, BASE, contextOf } from './contracts.test-support.ts'
import { gbmSpec } from './index.ts'
import { oraclePath } from './oracle.test-support.ts'
import { gbmLeaf } from './reference.test-support.ts'

type Context = ReturnType<typeof contextOf>

function leavesOf(context: Context): Uint8Array[] {
  return Array.from({ length: context.plan.shard_count }, (_, shard) => gbmLeaf(context, shard))
}

function foldOf({ plan, args }: Context, leaves: readonly Uint8Array[], order = leaves.map((_, i) => i)) {
  const aggregate = gbmSpec.fold.empty(plan, args)
  for (const shard of order) gbmSpec.fold.add(aggregate, shard, leaves[shard] as Uint8Array)
  return aggregate
}

function resultOf(context: Context) {
  return gbmSpec.reduce(context.args, context.plan, foldOf(context, leavesOf(context)), []).result
}

describe('fold', () => {
  const context = contextOf({ steps: 1024, paths: 3 * 4096 + 5, style: 'asian' })
  const leaves = leavesOf(context)

  test('does not show the order; merging folds is folding', () => {
    expect(context.plan.shard_count).toBe(4)
    const whole = foldOf(context, leaves)
    expect(foldOf(context, leaves, [2, 3, 0, 1])).toEqual(whole)
    const merged = foldOf(context, leaves, [3, 1])
    gbmSpec.fold.merge?.(merged, foldOf(context, leaves, [0, 2]))
    expect(merged).toEqual(whole)
    expect(whole.paths).toBe(context.args.paths)
  })

  test('estimates after every prefix', () => {
    const aggregate = gbmSpec.fold.empty(context.plan, context.args)
    expect(gbmSpec.estimate?.(context.args, context.plan, aggregate)).toBeUndefined()
    gbmSpec.fold.add(aggregate, 0, leaves[0] as Uint8Array)
    expect(gbmSpec.estimate?.(context.args, context.plan, aggregate)).toMatchObject({ samples: 4096 })
  })
})

describe('checkLeaf', () => {
  const context = contextOf({ steps: 4, paths: 3000, right: 'put' })
  const good = gbmLeaf(context, 0)
  const check = (change: (words: Uint32Array) => void): string | undefined => {
    const words = bytesToWords(good)
    change(words)
    return gbmSpec.checkLeaf(context.plan, 0, wordsToBytes(words))
  }
  const at = (words: Uint32Array, i: number): number => words[i] as number
  const used = bytesToWords(good)
    .subarray(16)
    .findLastIndex((count) => count > 0)

  test.each<[string, (words: Uint32Array) => void, string]>([
    ['a path more', (w) => w.set([at(w, 0) + 1]), 'paths instead'],
    ['a zero more', (w) => w.set([at(w, 1) + 1], 1), 'zeros and bins'],
    ['too many saturated', (w) => w.set([3001], 2), 'saturated'],
    ['an impossible payoff', (w) => w.set([context.plan.constants.max_payoff + 1], 3), 'largest possible'],
    ['a lower largest payoff', (w) => w.set([at(w, 3) >>> 1], 3), 'highest bin'],
    ['a count moved to a high bin', (w) => w.set([at(w, 16 + used) - 1, 1], 16 + used), 'highest bin'],
    ['a sum beyond count times largest', (w) => w.set([1], 6), 'sum of payoffs'],
    ['no sum', (w) => w.fill(0, 4, 8), 'sum of payoffs'],
    ['squares too small', (w) => w.fill(0, 8, 12), 'Cauchy'],
    ['squares too large', (w) => w.set([1], 11), 'squares'],
    ['terminal ratios too large', (w) => w.set([1], 14), 'terminal'],
  ])('names %s', (_, change, complaint) => {
    expect(check(change)).toContain(complaint)
  })

  test('passes the leaf as it is and refuses another length', () => {
    expect(check(() => {})).toBeUndefined()
    expect(gbmSpec.checkLeaf(context.plan, 0, good.subarray(4))).toContain('bytes')
  })

  test('passes leaves where every path or none pays', () => {
    for (const [strike, right] of [
      [0.0001, 'call'],
      [0.0001, 'put'],
      [10_000, 'call'],
      [10_000, 'put'],
    ] as const) {
      const extreme = contextOf({ strike, right, paths: 500 })
      expect(gbmSpec.checkLeaf(extreme.plan, 0, gbmLeaf(extreme, 0))).toBeUndefined()
      expect(gbmSpec.result.safeParse(resultOf(extreme)).success).toBe(true)
    }
  })
})

describe('result', () => {
  test('moments, quantiles and histogram against the sorted payoffs of the oracle', () => {
    for (const style of ['european', 'asian'] as const) {
      const context = contextOf({ style, steps: 6, paths: 1234, right: 'put' })
      const { args, plan, key } = context
      const result = resultOf(context)
      expect(gbmSpec.result.parse(result)).toEqual(result)
      const unit = args.spot / 2 ** plan.constants.ratio_bits
      const payoffs = Array.from({ length: args.paths }, (_, path) =>
        Number(oraclePath(args, plan.constants, key, BigInt(path)).payoff),
      )
        .map((payoff) => payoff * unit)
        .sort((a, b) => a - b)
      const mean = payoffs.reduce((sum, x) => sum + x, 0) / payoffs.length
      const variance = payoffs.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (payoffs.length - 1)
      const discount = Math.exp(-args.rate * args.maturity_years)
      expect(result.discount_factor).toBeCloseTo(discount, 15)
      expect(result.price).toBeCloseTo(discount * mean, 10)
      expect(result.standard_error).toBeCloseTo(discount * Math.sqrt(variance / payoffs.length), 10)
      expect(result.zero_fraction).toBe(payoffs.filter((x) => x === 0).length / payoffs.length)
      expect(result.largest_payoff).toBeCloseTo(payoffs.at(-1) as number, 10)
      for (const { percent, low, high } of result.quantiles) {
        const value = payoffs[Math.ceil((percent * payoffs.length) / 100) - 1] as number
        expect(value >= low - 1e-12 && value <= high + 1e-12, `${percent} %`).toBe(true)
        expect(high - low).toBeLessThan(0.5)
      }
      const { edges, counts } = result.histogram
      expect(edges.length).toBe(counts.length + 1)
      counts.forEach((count, bin) => {
        const [low, high] = [edges[bin] as number, edges[bin + 1] as number]
        const last = bin === counts.length - 1
        expect(payoffs.filter((x) => x > 0 && x >= low && (last || x < high)).length).toBe(count)
      })
    }
  })

  test.each([
    [{ right: 'call' }, 3],
    [{ right: 'put', strike: 120 }, 3],
    [{ right: 'call', volatility: 0.6, maturity_years: 4, dividend_yield: 0.1 }, 3],
    [{ right: 'put', rate: -0.02, strike: 60 }, 3],
  ] as const)('a million European paths meet Black-Scholes: %j', (change, errors) => {
    const context = contextOf({ ...change, steps: 1, paths: 1_000_000 })
    const result = resultOf(context)
    expect(Math.abs(result.price - blackScholes(context.args))).toBeLessThan(errors * result.standard_error)
    expect(Math.abs(result.forward.z_score)).toBeLessThan(errors)
    expect(result.saturated).toBe(0)
  })

  test('is canonical JSON', () => {
    expect(() => canonicalJson(resultOf(contextOf({})))).not.toThrow()
  })
})

describe('blackScholes', () => {
  // mpmath 1.3 at 50 digits, mp.ncdf and mp.exp of the exact doubles.
  test.each<[Partial<Context['args']>, number]>([
    [{ strike: 100, dividend_yield: 0 }, 10.450583572185568],
    [{ strike: 100, dividend_yield: 0, right: 'put' }, 5.573526022256968],
    [{}, 7.491693155007896],
    [{ right: 'put' }, 8.36579935266606],
    [{ strike: 250 }, 3.76361556209185e-5],
    [{ strike: 20, right: 'put' }, 8.259061157919484e-17],
    [{ volatility: 2.5, maturity_years: 0.5 }, 61.472147519391285],
    [
      { spot: 0.37, strike: 0.41, rate: -0.01, volatility: 0.05, maturity_years: 0.1, right: 'put' },
      0.040780020130017795,
    ],
  ])('%j is %d', (change, price) => {
    expect(blackScholes({ ...BASE, ...change })).toBe(price)
  })

  test('put-call parity', () => {
    property(
      'parity',
      [anyArgs],
      (args) => {
        const call = blackScholes({ ...args, right: 'call' })
        const put = blackScholes({ ...args, right: 'put' })
        const asset = args.spot * Math.exp(-args.dividend_yield * args.maturity_years)
        const cash = strikeOf(args) * Math.exp(-args.rate * args.maturity_years)
        expect(Math.abs(call - put - (asset - cash))).toBeLessThan(1e-13 * (asset + cash + call + put))
        expect(call >= 0 && put >= 0).toBe(true)
      },
      300,
    )
  })
})

describe('summary', () => {
  test('a European option shows its closed form, an Asian one none', () => {
    const european = contextOf({ steps: 1, paths: 100_000 })
    const aggregate = foldOf(european, leavesOf(european))
    const point = { shards: 1, samples: 10, value: 1, standard_error: 0.1 }
    const { result } = gbmSpec.reduce(european.args, european.plan, aggregate, [point])
    const summary = gbmSpec.summarise(european.args, result)
    expect(summary.headline).toMatchObject({
      label: 'European call, price today',
      value: result.price,
      unit: 'currency',
    })
    const [histogram, band] = summary.charts
    expect(histogram).toMatchObject({ kind: 'histogram' })
    if (histogram?.kind === 'histogram') {
      expect(histogram.counts.length).toBeLessThanOrEqual(64)
      expect(histogram.edges.length).toBe(histogram.counts.length + 1)
      const paying = Math.round(result.paths * (1 - result.zero_fraction))
      expect(histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(paying)
    }
    expect(band).toMatchObject({
      kind: 'band',
      points: [{ x: 10, y: 1 }],
      reference: { y: blackScholes(european.args) },
    })
    expect(summary.figures.map(({ label }) => label)).toContain('Black-Scholes price')

    const asian = contextOf({ style: 'asian' })
    const shown = gbmSpec.summarise(asian.args, resultOf(asian))
    expect(shown.figures.map(({ label }) => label)).not.toContain('Black-Scholes price')
    expect(shown.notes.join(' ')).toContain('average')
  })

  test('a payoff that never occurs has no histogram, and a note', () => {
    const context = contextOf({ strike: 10_000, paths: 500 })
    const summary = gbmSpec.summarise(context.args, resultOf(context))
    expect(summary.charts.map(({ kind }) => kind)).toEqual(['band'])
    expect(summary.notes.join(' ')).toContain('Fewer than 100')
  })
})
