import { describe, expect, it } from 'vitest'
import { scenarioOf } from './scenario.ts'
import { World } from './world.ts'

const SEEDS = Number(process.env.FORGE_SIMULATION_SEEDS ?? 10_000)
const FIRST_SEED = Number(process.env.FORGE_SIMULATION_FIRST_SEED ?? 1)

describe('simulated networks', () => {
  it(`keep every rule through every fault (${SEEDS} seeds from ${FIRST_SEED})`, { timeout: 300_000 }, () => {
    const seen = {
      crashes: 0,
      leases: 0,
      refereed: 0,
      fenced: 0,
      wrong: 0,
      stopped: 0,
      cancelled: 0,
      replaced: 0,
      canaries: 0,
      canaries_bad: 0,
    }
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const world = new World(scenarioOf(seed))
      world.run()
      seen.crashes += world.crashes
      seen.leases += world.leases
      seen.refereed += world.refereed
      seen.fenced += world.store.fenced
      seen.wrong += world.store.wrong
      seen.replaced += world.store.replaced
      seen.canaries += world.store.canaries
      seen.canaries_bad += world.store.canaries_bad
      for (const { end, stopped_at } of world.store.jobs.values()) {
        if (stopped_at !== undefined) seen.stopped++
        if (end === 'cancelled') seen.cancelled++
      }
    }
    // A simulation that met no fault would prove nothing. Wrong results are accepted from colluding owners alone.
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(10)
  })
})
