import { expect, it } from 'vitest'
import { parseContract } from '../contract.ts'
import { bytesToWords, wordsToBytes } from '../numerics/words.ts'
import { referenceLeaf } from './references.test-support.ts'
import { OPS } from './registry.ts'

/** Small jobs of every op whose main figure is a mean. */
const SMALL = [
  ['mc@1/pi.v1', { points: 2 ** 22 }],
  [
    'mc@1/gbm.v1',
    {
      spot: 100,
      strike: 95,
      rate: 0.03,
      volatility: 0.3,
      maturity_years: 1,
      steps: 4,
      paths: 4096,
      style: 'european',
      right: 'put',
    },
  ],
  ['mc@1/heston.v1', { steps: 16, paths: 2048 }],
  ['mc@1/insurance.v1', { years: 2048 }],
  ['mc@1/eta.v1', { trips: 4096 }],
  ['ensemble@1/sir.v1', { population: 1000, days: 32, steps_per_day: 1, runs: 128 }],
  ['ensemble@1/ising.v1', { size: 32, replicas: 8, burn_in: 8, measured: 16, interval: 8 }],
  ['ensemble@1/lorenz.v1', { steps: 64, runs: 128 }],
] as const

function jobOf(id: string, args: object) {
  const op = OPS.get(id)
  return op.prepare(
    parseContract({
      contract: 1,
      op: op.ref,
      args: { ...op.example, ...args },
      seed: { mode: 'derived' },
      verify: { mode: 'none' },
    }),
  )
}

it('covers every op that states one', () => {
  const stated = OPS.list().filter(
    (op) => Object.keys(op.inputs).length === 0 && jobOf(op.id, {}).leafRange() !== undefined,
  )
  expect(stated.map(({ id }) => id).sort()).toEqual(SMALL.map(([id]) => id).sort())
})

it.each(SMALL)('%s: a leaf of its reference estimates within the range', (id, args) => {
  const job = jobOf(id, args)
  const aggregate = job.newAggregate()
  const leaf = referenceLeaf(job, 0, new Map())
  expect(job.checkLeaf(0, leaf)).toBeUndefined()
  aggregate.add(0, leaf)
  const estimate = aggregate.estimate()
  const range = job.leafRange()
  expect(range).toBeDefined()
  // A percentage is shown where the estimate is a share.
  const value = (estimate?.value ?? Number.NaN) * (range?.unit === '%' ? 100 : 1)
  expect(value).toBeGreaterThanOrEqual(range?.low ?? Number.NaN)
  expect(value).toBeLessThanOrEqual(range?.high ?? Number.NaN)
})

it('is as wide as the worst leaf that passes: all points inside are 4, none is 0', () => {
  const job = jobOf('mc@1/pi.v1', { points: 2 ** 22 })
  const words = bytesToWords(referenceLeaf(job, 0, new Map()))
  for (const [inside, estimate] of [
    [0, 0],
    [words[0] as number, 4],
  ] as const) {
    const leaf = wordsToBytes(words.with(1, inside))
    expect(job.checkLeaf(0, leaf)).toBeUndefined()
    const aggregate = job.newAggregate()
    aggregate.add(0, leaf)
    expect(aggregate.estimate()?.value).toBe(estimate)
  }
})
