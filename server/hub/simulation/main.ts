import { parseArgs } from 'node:util'
import { z } from 'zod'
import { scenarioOf } from './scenario.ts'
import { World } from './world.ts'

/** `simulate [--seeds N] [--seed S]`: runs so many networks from seed S on, and stops at the first that breaks a rule. */
const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
})
const count = z.coerce.number().int().min(1).max(100_000_000).parse(values.seeds)
const first = z.coerce.number().int().min(0).max(4_294_967_295).parse(values.seed)

const started_ms = performance.now()
const seen = { steps: 0, leases: 0, crashes: 0, refereed: 0, fenced: 0, wrong_accepted: 0, corrected: 0 }
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
  seen.fenced += world.store.fenced
  seen.wrong_accepted += world.store.wrong
  seen.corrected += world.store.corrected
}
const seconds = (performance.now() - started_ms) / 1000
console.log(`${count} seeds from ${first} in ${seconds.toFixed(1)} s: every rule held.`)
for (const [what, number] of Object.entries(seen)) console.log(`  ${what}: ${number}`)
