import { describe, expect, it } from 'vitest'
import type { HubEffect } from '../core/events.ts'
import { scenarioOf } from './scenario.ts'
import { World } from './world.ts'

const SEEDS = Number(process.env.FORGE_SIMULATION_SEEDS ?? 10_000)
const FIRST_SEED = Number(process.env.FORGE_SIMULATION_FIRST_SEED ?? 1)

/** Every kind of effect that the core has: a new one must be named here. */
const KINDS: Readonly<Record<HubEffect['t'], true>> = {
  send: true,
  persist: true,
  withheld: true,
  reply: true,
  'referee.run': true,
  'referee.check': true,
  'referee.recheck': true,
  'agents.passed': true,
  'agent.failed': true,
  'word.doubted': true,
  'chunk.claim': true,
  'chunk.extend': true,
  'chunk.return': true,
  'chunk.done': true,
  'job.phase': true,
  'job.complete': true,
  'session.dropped': true,
}
const EFFECTS = Object.keys(KINDS)

describe('simulated networks', () => {
  it(`keep every rule through every fault (${SEEDS} seeds from ${FIRST_SEED})`, { timeout: 300_000 }, () => {
    const seen = {
      crashes: 0,
      leases: 0,
      refereed: 0,
      broken: 0,
      held_back: 0,
      went_on: 0,
      failovers: 0,
      fenced: 0,
      wrong: 0,
      stopped: 0,
      cancelled: 0,
      replaced: 0,
      canaries: 0,
      canaries_bad: 0,
    }
    const crashedBefore = new Map(EFFECTS.map((kind) => [kind, 0]))
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const world = new World(scenarioOf(seed))
      world.run()
      seen.crashes += world.crashes
      seen.leases += world.leases
      seen.refereed += world.refereed
      seen.broken += world.broken
      seen.held_back += world.held_back
      seen.went_on += world.went_on
      seen.failovers += world.failovers
      for (const [kind, count] of world.crashedBefore)
        crashedBefore.set(kind, (crashedBefore.get(kind) ?? 0) + count)
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
    // A hub may die at the boundary of any effect, and has died before each kind of them.
    expect([...crashedBefore.keys()].sort()).toEqual([...EFFECTS].sort())
    for (const [kind, count] of crashedBefore) expect(count, `crashes before ${kind}`).toBeGreaterThan(0)
  })
})
