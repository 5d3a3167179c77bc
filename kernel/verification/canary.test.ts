import { describe, expect, it } from 'vitest'
import { philox4x32 } from '../numerics/philox.ts'
import { canaryError, canaryRate, canarySurvival } from './canary.ts'
import { newStanding, passChecks } from './reputation.ts'

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
const E = Math.E

function draws(stream: number): () => number {
  const words = new Uint32Array(4)
  let counter = 0
  return () => {
    philox4x32(words, counter++, stream, 0, 0, seed >>> 0, 7)
    return (words[0] as number) / 2 ** 32
  }
}

describe('canaries, by simulation', () => {
  it.each([
    { q: 0.1, s: 1, n: 20 },
    { q: 0.1, s: 0.3, n: 50 },
    { q: 0.01, s: 1, n: 150 },
  ])('let a saboteur through n results with (1 - q s)^n: %o', ({ q, s, n }) => {
    const draw = draws(n)
    const agents = 20_000
    let through = 0
    for (let agent = 0; agent < agents; agent++) {
      let isIn = true
      for (let result = 0; result < n && isIn; result++) {
        const isWrong = draw() < s
        if (isWrong && draw() < q) isIn = false
      }
      if (isIn) through++
    }
    const p = canarySurvival(q, s, n)
    // Six standard deviations of a binomial.
    expect(Math.abs(through / agents - p), `FUZZ_SEED=${seed}`).toBeLessThan(
      6 * Math.sqrt((p * (1 - p)) / agents),
    )
  })

  it.each([
    { q: 0.1, s: 0.5, n: 30, f: 0.2 },
    { q: 0.01, s: 0.2, n: 400, f: 0.2 },
  ])('leave results wrong with s f (1 - q s)^n / ((1 - f) + f (1 - q s)^n): %o', ({ q, s, n, f }) => {
    const draw = draws(1000 + n)
    let [left, wrong] = [0, 0]
    for (let agent = 0; agent < 60_000; agent++) {
      const isSaboteur = draw() < f
      let isIn = true
      for (let result = 0; result < n && isIn; result++)
        if (isSaboteur && draw() < s && draw() < q) isIn = false
      if (!isIn) continue
      left++
      if (isSaboteur && draw() < s) wrong++
    }
    const p = canaryError(q, n, f, s)
    expect(Math.abs(wrong / left - p), `FUZZ_SEED=${seed}`).toBeLessThan(6 * Math.sqrt((p * (1 - p)) / left))
  })

  it('bound the error by f / ((1 - f) q n e) whatever the saboteur’s rate', () => {
    for (const [q, n, f] of [
      [0.1, 50, 0.2],
      [0.01, 1000, 0.1],
      [0.5, 10, 0.3],
    ] as const) {
      const bound = f / ((1 - f) * q * n * E)
      for (let s = 0; s <= 1; s += 1 / 64) expect(canaryError(q, n, f, s)).toBeLessThanOrEqual(bound * 1.2)
      // Close to it for the worst rate, 1 / (q n).
      expect(canaryError(q, n, f, Math.min(1, 1 / (q * n)))).toBeGreaterThan(bound * 0.7)
    }
  })
})

describe('who is given canaries', () => {
  const adaptive = { mode: 'adaptive', epsilon: 1e-4 } as const

  it('is who is on probation, most, and who may stand alone; nobody whose every result is checked', () => {
    const stranger = newStanding(0, 0, true)
    const known = newStanding(5000, 0, true)
    const returned = newStanding(0, 100, true)
    expect(canaryRate(adaptive, stranger)).toBe(0)
    expect(canaryRate(adaptive, known)).toBeGreaterThan(0)
    expect(canaryRate(adaptive, returned)).toBeGreaterThan(canaryRate(adaptive, known))
    passChecks(returned, 100)
    expect(canaryRate(adaptive, returned)).toBe(canaryRate(adaptive, known))
    expect(canaryRate({ mode: 'spotcheck', rate: 0.1 }, stranger)).toBeGreaterThan(0)
    for (const verify of [
      { mode: 'none' },
      { mode: 'quorum', k: 2 },
      { mode: 'full' },
      { mode: 'algebraic' },
    ] as const)
      expect(canaryRate(verify, returned)).toBe(0)
  })
})
