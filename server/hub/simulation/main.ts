import { parseArgs } from 'node:util'
import { z } from 'zod'
import { scenarioOf } from './scenario.ts'
import { simulateTrust } from './trust.ts'
import { World } from './world.ts'

/**
 * `simulate [--seeds N] [--seed S]`: runs so many networks from seed S on, and stops at the first that breaks a rule.
 * `simulate trust [--shards N] [--seed S]`: what verification costs and lets through, against what it states.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    shards: { type: 'string', default: '1000000' },
  },
})
const what = z.array(z.literal('trust')).max(1).parse(positionals)[0]
const shards = z.coerce.number().int().min(1).max(100_000_000).parse(values.shards)
const count = z.coerce.number().int().min(1).max(100_000_000).parse(values.seeds)
const first = z.coerce.number().int().min(0).max(4_294_967_295).parse(values.seed)

if (what === 'trust') process.exit(simulateTrust(first, shards) ? 0 : 1)

const started_ms = performance.now()
const seen = {
  steps: 0,
  leases: 0,
  crashes: 0,
  refereed: 0,
  broken: 0,
  held_back: 0,
  went_on: 0,
  failovers: 0,
  fenced: 0,
  wrong_accepted: 0,
  replaced: 0,
  canaries: 0,
  canaries_bad: 0,
}
for (let seed = first; seed < first + count; seed++) {
  const world = new World(scenarioOf(seed))
  try {
    world.run()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    console.error(`Replay it: npm run simulate -- --seeds 1 --seed ${seed}`)
    process.exit(1)
  }
  seen.steps += world.steps
  seen.leases += world.leases
  seen.crashes += world.crashes
  seen.refereed += world.refereed
  seen.broken += world.broken
  seen.held_back += world.held_back
  seen.went_on += world.went_on
  seen.failovers += world.failovers
  seen.fenced += world.store.fenced
  seen.wrong_accepted += world.store.wrong
  seen.replaced += world.store.replaced
  seen.canaries += world.store.canaries
  seen.canaries_bad += world.store.canaries_bad
}
const seconds = (performance.now() - started_ms) / 1000
console.log(`${count} seeds from ${first} in ${seconds.toFixed(1)} s: every rule held.`)
for (const [name, number] of Object.entries(seen)) console.log(`  ${name}: ${number}`)
