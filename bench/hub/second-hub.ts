import { setTimeout as delay } from 'node:timers/promises'
import { short } from '../pairs.ts'
import type { Row, SuiteOptions } from '../suite.ts'
import type { Ground } from './ground.ts'
import { AGENTS, Load, type Sample, WARM_LEASES } from './load.ts'
import { blank } from './throughput.ts'
import { tinyContract } from './tiny-op.ts'

/** What a shard costs where two hubs share a job, against one hub with the same agents and the same pace. */

const LEASE_SHARDS = 64
/** A thousand agents with a lease each: about 16,000 shards a second, which either way leaves the machine room. */
const THINK_MS = 4000
const SAMPLE_S = 3
/** For hubs to hear of each other and share the chunks. */
const MEETING_MS = 3000

interface Cost {
  readonly cpu_us: number
  readonly statements: number
}

export async function secondHub(ground: Ground, { rounds, say }: SuiteOptions): Promise<Row[]> {
  const alone = await costOf(ground, 1, rounds)
  say(`  one hub: ${wordsOf(alone)}`)
  const shared = await costOf(ground, 2, rounds)
  say(`  two hubs: ${wordsOf(shared)}`)
  const cpu = shared.cpu_us / alone.cpu_us
  const statements = shared.statements / alone.statements
  const value = Math.max(cpu, statements)
  return [
    {
      ...blank(
        'second_hub',
        'CPU or statements of a shard with two hubs, whichever grows more, against one',
        'x',
      ),
      value,
      ours: shared.cpu_us,
      rate: 'µs',
      at_most: 1.15,
      notes: [
        `CPU ${cpu.toFixed(2)}x, statements ${statements.toFixed(2)}x; one hub: ${wordsOf(alone)}; two: ${wordsOf(shared)}`,
      ],
    },
  ]
}

function wordsOf({ cpu_us, statements }: Cost): string {
  return `${short(cpu_us)} µs and ${(1000 * statements).toFixed(3)} statements a thousand`
}

/** Of a shard: CPU of all hubs, and their statements. */
async function costOf(ground: Ground, hubs: 1 | 2, rounds: number): Promise<Cost> {
  const first = await ground.host({ lease_shards: LEASE_SHARDS })
  const hosts = [first]
  if (hubs === 2) hosts.push(await ground.host({ lease_shards: LEASE_SHARDS, beside: first }))
  await delay(MEETING_MS)
  const count = AGENTS / hubs
  const loads = await Promise.all(hosts.map((host) => Load.on(ground, host, { count, window: 1 })))
  for (const load of loads) await load.think(THINK_MS)
  await first.submit(tinyContract(16_000_000, `hubs ${hubs}`, { mode: 'spotcheck', rate: 0.05 }))
  await Promise.all(loads.map((load) => load.warmUp(WARM_LEASES / hubs)))
  const samples: Sample[][] = []
  for (let round = 0; round < rounds; round++)
    samples.push(await Promise.all(loads.map((load) => load.sample(SAMPLE_S))))
  for (const load of loads) await load.end()
  // Each server's look at the database sees the shards of both.
  const shards = samples.reduce((sum, [one]) => sum + (one?.shards ?? 0), 0)
  const total = (of: (sample: Sample) => number) =>
    samples.flat().reduce((sum, sample) => sum + of(sample), 0) / Math.max(1, shards)
  if (hubs === 2 && samples.some((pair) => pair.some(({ leases }) => leases === 0)))
    throw new Error('one of the two hubs got nothing to do')
  return { cpu_us: total(({ hub_us }) => hub_us), statements: total(({ statements }) => statements) }
}
