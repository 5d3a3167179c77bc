import { describe, expect, it } from 'vitest'
import { drawShards } from './draw-shards.ts'

describe('drawing shards', () => {
  it('gives distinct shards of the plan, in order', () => {
    for (const count of [11, 100, 16_777_216]) {
      const drawn = drawShards(count, 10)
      expect(new Set(drawn).size).toBe(10)
      expect(drawn).toEqual([...drawn].sort((a, b) => a - b))
      expect(drawn.every((shard) => Number.isInteger(shard) && shard >= 0 && shard < count)).toBe(true)
    }
  })

  it('gives every shard of a plan that has no more', () => {
    expect(drawShards(3, 10)).toEqual([0, 1, 2])
    expect(drawShards(10, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('reaches the first and the last shard', () => {
    const seen = new Set(Array.from({ length: 400 }, () => drawShards(12, 10)).flat())
    expect(seen.size).toBe(12)
  })
})
