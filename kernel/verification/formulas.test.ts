import { describe, expect, it, test } from 'vitest'
import { philox4x32 } from '../numerics/philox.ts'
import { binomialCdf, power } from './binomial.ts'
import { checksForSingle, credibility, groupCredibilities } from './credibility.ts'
import { AUDIT_FLOOR, checkProbability, REPLICATION_GATE } from './replication.ts'
import { captureProbability, resultsBeforeCaught, samplingMiss, votingError } from './sampling.ts'
import { wrongFractionBound } from './wrong-bound.ts'

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
console.info(`verification formulas: FUZZ_SEED=${seed}`)

/** Uniform draws in [0, 1), a stream of its own for each test. */
function uniform(stream: number): () => number {
  const words = new Uint32Array(4)
  let counter = 0
  return () => {
    philox4x32(words, counter++, 0, 0, stream, seed >>> 0, 0)
    return (words[0] as number) / 2 ** 32
  }
}

/** Runs trials and expects their frequency within 4.5 standard errors: one false alarm in 150,000. */
function expectFrequency(trials: number, probability: number, trial: () => boolean): void {
  let hits = 0
  for (let i = 0; i < trials; i++) if (trial()) hits++
  const error = Math.sqrt((probability * (1 - probability)) / trials) + 1 / trials
  expect(Math.abs(hits / trials - probability)).toBeLessThan(4.5 * error)
}

describe('binomial probabilities', () => {
  it('are the exact sums where those are small', () => {
    const exact = (k: number, n: number, num: bigint, den: bigint) => {
      let sum = 0n
      let choose = 1n
      for (let j = 0n; j <= BigInt(k); j++) {
        sum += choose * num ** j * (den - num) ** (BigInt(n) - j)
        choose = (choose * (BigInt(n) - j)) / (j + 1n)
      }
      return Number((sum * 10n ** 30n) / den ** BigInt(n)) / 1e30
    }
    for (const [k, n, num, den] of [
      [0, 10, 1n, 4n],
      [3, 10, 1n, 4n],
      [9, 10, 1n, 100n],
      [50, 100, 1n, 2n],
      [2, 300, 1n, 150n],
      [299, 300, 149n, 150n],
    ] as const) {
      const value = exact(k, n, num, den)
      expect(Math.abs(binomialCdf(k, n, Number(num) / Number(den)) / value - 1)).toBeLessThan(1e-11)
    }
  })

  it('keep their precision where terms are far below the smallest double', () => {
    // The median of a binomial with np an integer is np; its probability there is just above a half.
    expect(binomialCdf(100_000, 1_000_000, 0.1)).toBeCloseTo(0.5006, 3)
    expect(binomialCdf(0, 10_000_000, 3e-7)).toBeCloseTo(0.049787, 5)
    expect(binomialCdf(999, 1000, 0.5)).toBeCloseTo(1, 12)
    expect(binomialCdf(10, 100_000, 0.5)).toBe(0)
    expect(power(0.5, 3)).toBe(0.125)
  })
})

describe('the bound on wrong shards', () => {
  it('without a wrong one is 1 - 0.05^(1/N)', () => {
    for (const audits of [1, 2, 10, 59, 300, 5000, 1_000_000]) {
      const exact = -Math.expm1(Math.log(0.05) / audits)
      const bound = wrongFractionBound(0, audits)
      expect(bound).toBeGreaterThanOrEqual(exact * (1 - 1e-9))
      expect(bound / exact - 1).toBeLessThan(1e-8)
    }
  })

  // One-sided 95 % limits of the usual tables (for instance Hald, "Statistical Tables and Formulas", 1952).
  test.each([
    [0, 10, 0.2589],
    [1, 10, 0.3942],
    [2, 10, 0.5069],
    [5, 10, 0.7776],
    [0, 100, 0.02951],
    [1, 100, 0.04656],
    [5, 100, 0.10225],
    [10, 1000, 0.01689],
  ])('%i of %i is %f', (bad, audits, bound) => {
    expect(wrongFractionBound(bad, audits)).toBeCloseTo(bound, 4)
  })

  it('is 1 when nothing, or only wrong ones, were seen', () => {
    expect(wrongFractionBound(0, 0)).toBe(1)
    expect(wrongFractionBound(7, 7)).toBe(1)
  })

  it('covers the true fraction in at least 95 of 100 jobs', () => {
    const draw = uniform(1)
    for (const [fraction, audits] of [
      [0.01, 200],
      [0.05, 60],
      [0.3, 20],
    ] as const) {
      const bounds = Array.from({ length: audits + 1 }, (_, bad) => wrongFractionBound(bad, audits))
      let covered = 0
      const jobs = 4000
      for (let job = 0; job < jobs; job++) {
        let bad = 0
        for (let i = 0; i < audits; i++) if (draw() < fraction) bad++
        if ((bounds[bad] as number) >= fraction) covered++
      }
      // The exact coverage is at least 0.95; three standard errors below it are 0.9397.
      expect(covered / jobs).toBeGreaterThan(0.9397)
    }
  })
})

describe('sampling and voting', () => {
  test.each([
    [459, 0.01],
    [1375, 1e-6],
  ])('%i checks miss 1 %% of wrong shards with probability below %f', (checks, miss) => {
    expect(samplingMiss(0.01, checks)).toBeLessThan(miss)
    expect(samplingMiss(0.01, checks - 1)).toBeGreaterThanOrEqual(miss)
  })

  test.each([
    [2, 0.1, 0.028],
    [3, 0.1, 0.00856],
    [1, 0.1, 0.1],
  ])('a majority of %i with error %f is wrong with probability %f', (m, phi, error) => {
    expect(votingError(m, phi)).toBeCloseTo(error, 6)
  })

  it('agree with what happens', () => {
    const draw = uniform(2)
    expectFrequency(20_000, votingError(2, 0.2), () => {
      let wrong = 0
      for (let vote = 0; vote < 3; vote++) if (draw() < 0.2) wrong++
      return wrong >= 2
    })
    expectFrequency(20_000, samplingMiss(0.05, 20), () => {
      for (let i = 0; i < 20; i++) if (draw() < 0.05) return false
      return true
    })
    expectFrequency(20_000, captureProbability(0.3, 2), () => draw() < 0.3 && draw() < 0.3)
  })

  it('let a sleeper return (1 - q) / q results before one is audited', () => {
    expect(resultsBeforeCaught(0.05)).toBeCloseTo(19, 12)
    const draw = uniform(3)
    let returned = 0
    const sleepers = 20_000
    for (let i = 0; i < sleepers; i++) while (draw() >= 0.05) returned++
    // The standard deviation of one is sqrt(1 - q) / q = 19.5.
    expect(Math.abs(returned / sleepers - 19)).toBeLessThan((4.5 * 19.5) / Math.sqrt(sleepers))
  })
})

describe('credibility', () => {
  it('is the published one', () => {
    expect(credibility({ checks: 0, blacklistable: true }, 0.1)).toBe(0.9)
    expect(checksForSingle(1e-3, 0.1, true)).toBe(41)
    const ten = credibility({ checks: 10, blacklistable: true }, 0.1)
    expect(groupCredibilities([[ten, ten]])[0]).toBeCloseTo(0.99998, 5)
    expect(credibility({ checks: 50, blacklistable: false }, 0.1)).toBeCloseTo(0.998, 12)
  })

  it('of a first check is never below that of none', () => {
    expect(credibility({ checks: 1, blacklistable: false }, 0.2)).toBe(0.8)
  })

  it('of groups in contradiction adds up to less than one, and follows Bayes', () => {
    const draw = uniform(4)
    // Three agents, each right with its credibility; wrong ones say the same wrong thing. Two say a, one says b.
    const [a1, a2, b] = [0.9, 0.8, 0.95]
    const [isA, isB] = groupCredibilities([[a1, a2], [b]])
    let seen = 0
    let right = 0
    for (let i = 0; i < 200_000; i++) {
      const [r1, r2, r3] = [draw() < a1, draw() < a2, draw() < b]
      // The event that we see: a1 and a2 agree, b differs, so not both sides are right.
      if (r1 !== r2 || (r1 && r3)) continue
      seen++
      if (r1) right++
    }
    expect((isA as number) + (isB as number)).toBeLessThan(1)
    const error = Math.sqrt(0.25 / seen)
    expect(Math.abs(right / seen - (isA as number))).toBeLessThan(4.5 * error)
  })

  it('bounds what saboteurs of any constant rate get through after k checks', () => {
    const draw = uniform(5)
    const [f, k] = [0.2, 20]
    for (const rate of [0.01, 1 / 21, 0.2]) {
      let accepted = 0
      let wrong = 0
      for (let agent = 0; agent < 40_000; agent++) {
        const saboteur = draw() < f
        let survived = true
        if (saboteur) for (let i = 0; i < k && survived; i++) survived = draw() >= rate
        if (!survived) continue
        accepted++
        if (saboteur && draw() < rate) wrong++
      }
      const bound = 1 - credibility({ checks: k, blacklistable: true }, f)
      expect(wrong / accepted).toBeLessThan(bound + 4.5 * Math.sqrt(bound / accepted))
    }
  })
})

describe('credibility of keys that cost nothing', () => {
  it('bounds what saboteurs of any constant rate get through who come back under another name', () => {
    const draw = uniform(6)
    const [f, k] = [0.2, 20]
    const bound = 1 - credibility({ checks: k, blacklistable: false }, f)
    expect(bound).toBeCloseTo(f / k, 12)
    for (const rate of [0.01, 1 / 21, 0.2]) {
      let results = 0
      let wrong = 0
      for (let agent = 0; agent < 4000; agent++) {
        const saboteur = draw() < f
        let passed = 0
        for (let turn = 0; turn < 100; turn++) {
          const isWrong = saboteur && draw() < rate
          if (passed >= k) {
            results++
            if (isWrong) wrong++
          }
          // One that is found out begins again.
          passed = isWrong ? 0 : passed + 1
        }
      }
      expect(wrong / results, `rate ${rate}`).toBeLessThan(bound)
    }
  })
})

describe('adaptive replication', () => {
  it('checks as many results of an honest agent as its probabilities say, since only checked ones build trust', () => {
    const results = 200
    // Probability of each number of checks after so many results: a chain whose steps are the formula.
    let chances = [1]
    for (let nth = 0; nth < results; nth++) {
      const next = new Array<number>(chances.length + 1).fill(0)
      for (const [passed, chance] of chances.entries()) {
        const checked = checkProbability(passed)
        next[passed] = (next[passed] ?? 0) + chance * (1 - checked)
        next[passed + 1] = (next[passed + 1] ?? 0) + chance * checked
      }
      chances = next
    }
    const mean = chances.reduce((sum, chance, passed) => sum + chance * passed, 0)
    const square = chances.reduce((sum, chance, passed) => sum + chance * passed ** 2, 0)
    const draw = uniform(7)
    const agents = 4000
    let passed = 0
    for (let agent = 0; agent < agents; agent++) {
      let valid = 0
      for (let nth = 0; nth < results; nth++) if (draw() < checkProbability(valid)) valid++
      passed += valid
    }
    expect(Math.abs(passed / agents - mean)).toBeLessThan(4.5 * Math.sqrt((square - mean ** 2) / agents))
  })

  it('checks all before the gate, then one in N, and never fewer than the floor', () => {
    expect([0, 1, REPLICATION_GATE - 1].map(checkProbability)).toEqual([1, 1, 1])
    expect(checkProbability(REPLICATION_GATE)).toBe(0.1)
    expect(checkProbability(16)).toBe(1 / 16)
    expect(checkProbability(1000)).toBe(AUDIT_FLOOR)
  })
})
