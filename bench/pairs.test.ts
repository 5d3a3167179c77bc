import { describe, expect, it } from 'vitest'
import { type Comparison, compare, type Found, median, samplePairs } from './pairs.ts'

const quiet = () => {}

/** A subject that gives these rates in turn, and writes down when it was asked. */
function scripted(name: string, rates: readonly number[], log: string[] = []) {
  let at = 0
  return {
    name,
    warmUp: async () => void log.push(`${name} warms up`),
    sample: async () => {
      log.push(name)
      return rates[at++ % rates.length] as number
    },
  }
}

function comparison(ours: Found, peer: Found, more: Partial<Comparison> = {}): Comparison {
  return {
    id: 'a/b',
    what: 'a against b',
    rate: 'op/s',
    at_least: 1.5,
    ours: async () => ours,
    peer: async () => peer,
    ...more,
  }
}

describe('median', () => {
  it('is the middle value, or the mean of the two in the middle', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([7])).toBe(7)
  })

  it('leaves the values in their order', () => {
    const values = [3, 1, 2]
    median(values)
    expect(values).toEqual([3, 1, 2])
  })

  it('refuses no values', () => {
    expect(() => median([])).toThrow(RangeError)
  })
})

describe('samples', () => {
  it('are taken in turn, after both have warmed up', async () => {
    const log: string[] = []
    const samples = await samplePairs(scripted('A', [1, 2, 3], log), scripted('B', [4, 5, 6], log), 3, quiet)
    expect(log).toEqual(['A warms up', 'B warms up', 'A', 'B', 'A', 'B', 'A', 'B'])
    expect(samples).toEqual({ ours: [1, 2, 3], peer: [4, 5, 6] })
  })
})

describe('a comparison', () => {
  it('is the ratio of the medians: one burst of load on either side changes nothing', async () => {
    const row = await compare(
      comparison(scripted('ours', [200, 20, 200]), scripted('theirs', [100, 100, 3])),
      3,
      quiet,
    )
    expect(row).toMatchObject({ value: 2, unit: 'x', ours: 200, peer: 'theirs', peer_value: 100 })
    expect(row.spread).toEqual([0.2, 200 / 3])
    expect(row.invalid).toBeUndefined()
  })

  it('is invalid when the peer falls below 80 % of its figure, and still shows what was measured', async () => {
    const at = (figure: number) =>
      compare(comparison(scripted('a', [50]), scripted('b', [80]), { peer_figure: figure }), 1, quiet)
    expect((await at(100)).invalid).toBeUndefined()
    expect(await at(100.1)).toMatchObject({ value: 0.625, peer_value: 80, invalid: /below 80 %/ })
  })

  it('names a peer that is missing and how to get it', async () => {
    const row = await compare(
      comparison(scripted('a', [1]), { missing: 'no gcc (apt-get install gcc)' }),
      1,
      quiet,
    )
    expect(row).toMatchObject({ value: null, ours: null, peer_value: null, invalid: /apt-get install gcc/ })
  })

  it('says so when ours cannot run', async () => {
    const row = await compare(comparison({ missing: 'no browser' }, scripted('b', [1])), 1, quiet)
    expect(row).toMatchObject({ value: null, peer: 'b', invalid: /no browser/ })
  })

  it('is invalid, with the reason, when a program breaks', async () => {
    const broken: Found = {
      name: 'broken',
      sample: async () => {
        throw new Error('out of memory')
      },
    }
    const row = await compare(comparison(scripted('a', [1]), broken), 3, quiet)
    expect(row).toMatchObject({ id: 'a/b', value: null, peer: 'broken', invalid: 'out of memory' })
  })
})
