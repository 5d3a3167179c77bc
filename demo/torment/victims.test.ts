import { describe, expect, it } from 'vitest'
import { killKinds, seededNumbers } from './victims.ts'

describe('kills', () => {
  it('follow from the seed alone', () => {
    expect(killKinds(50, seededNumbers(7))).toEqual(killKinds(50, seededNumbers(7)))
    expect(killKinds(50, seededNumbers(7))).not.toEqual(killKinds(50, seededNumbers(8)))
  })

  it('are as many as asked for, with a hub, a NATS node and PostgreSQL among any three', () => {
    for (const kills of [0, 1, 2]) expect(killKinds(kills, seededNumbers(1))).toHaveLength(kills)
    for (let kills = 3; kills < 40; kills++) {
      const kinds = killKinds(kills, seededNumbers(kills))
      expect(kinds).toHaveLength(kills)
      expect(kinds).toEqual(expect.arrayContaining(['hub', 'nats', 'postgres']))
      const without = killKinds(kills, seededNumbers(kills), false)
      expect(without).toHaveLength(kills)
      expect(new Set(without)).toEqual(new Set(kinds.filter((kind) => kind !== 'nats')))
    }
  })
})
