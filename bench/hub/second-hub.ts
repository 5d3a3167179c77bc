import { setTimeout as delay } from 'node:timers/promises'
import { median, short } from '../pairs.ts'
import type { Row, SuiteOptions } from '../suite.ts'
import type { Ground } from './ground.ts'
import { AGENTS, Load, type Sample, WARM_LEASES } from './load.ts'
import { blank } from './throughput.ts'
import { tinyContract } from './tiny-op.ts'

/** What a shard costs where two hubs share a job, against one hub with the same agents and the same pace. */

const LEASE_SHARDS = 64
/** The agents are in as many processes whichever hubs they have: where they live is no part of what is compared. */
const AGENT_PROCESSES = 2
/** Half of what one hub is to carry (`shards_per_s`): so two of them, PostgreSQL and the agents have room beside each other. */
const PACE = 50_000
const SAMPLE_S = 3
/** One hub and two in turn: the machine may give less of itself for minutes. */
const PAIRS = 3
/** How far from the pace the samples may be, taken together. */
const PACE_TOLERANCE = 0.1
/** First leases are small: it takes some of them until the hubs know how fast the agents are. */
const STEADY_LIMIT_S = 90
/** The hubs' code is compiled as it runs, for each by itself. */
const WARM_S = 10
/** For hubs to hear of each other and share the chunks. */
const MEETING_MS = 3000

/** Of a shard: CPU of all hubs, and their statements. */
interface Cost {
  readonly cpu_us: number
  readonly statements: number
}

export async function secondHub(ground: Ground, { rounds, say }: SuiteOptions): Promise<Row[]> {
  const pairs: { readonly alone: Cost; readonly shared: Cost }[] = []
  for (let pair = 1; pair <= PAIRS; pair++) {
    const alone = await costOf(ground, 1, rounds)
    const shared = await costOf(ground, 2, rounds)
    pairs.push({ alone, shared })
    say(`  ${pair}/${PAIRS}: one hub: ${wordsOf(alone)}; two: ${wordsOf(shared)}`)
  }
  const ratio = (of: (cost: Cost) => number) =>
    median(pairs.map(({ alone, shared }) => of(shared) / of(alone)))
  const cpu = ratio(({ cpu_us }) => cpu_us)
  const statements = ratio((cost) => cost.statements)
  return [
    {
      ...blank(
        'second_hub',
        'CPU or statements of a shard with two hubs, whichever grows more, against one',
        'x',
      ),
      value: Math.max(cpu, statements),
      ours: median(pairs.map(({ shared }) => shared.cpu_us)),
      rate: 'µs',
      at_most: 1.15,
      notes: [
        `${PACE} shards a second in leases of up to ${LEASE_SHARDS}, half of what one hub is to carry; ${AGENTS} agents`,
        `CPU ${cpu.toFixed(2)}x, statements ${statements.toFixed(2)}x, medians of ${PAIRS} pairs`,
        ...pairs.map(({ alone, shared }) => `one hub: ${wordsOf(alone)}; two: ${wordsOf(shared)}`),
      ],
    },
  ]
}

function wordsOf({ cpu_us, statements }: Cost): string {
  return `${short(cpu_us)} µs and ${(1000 * statements).toFixed(3)} statements a thousand`
}

/** @throws Error when the agents cannot keep their pace, because the machine is busy or a hub too slow */
async function costOf(ground: Ground, hubs: 1 | 2, rounds: number): Promise<Cost> {
  const first = await ground.host({ lease_shards: LEASE_SHARDS })
  const hosts = [first]
  if (hubs === 2) hosts.push(await ground.host({ lease_shards: LEASE_SHARDS, beside: first }))
  await delay(MEETING_MS)
  const shared = { count: AGENTS / hubs, processes: AGENT_PROCESSES / hubs }
  const loads = await Promise.all(hosts.map((host) => Load.on(ground, host, shared)))
  for (const load of loads) await load.pace(PACE / hubs)
  await first.submit(tinyContract(16_000_000, `hubs ${hubs}`, { mode: 'spotcheck', rate: 0.05 }))
  await Promise.all(loads.map((load) => load.warmUp(WARM_LEASES / hubs)))
  const sampled = (seconds: number) => Promise.all(loads.map((load) => load.sample(seconds)))
  for (let waited_s = 0; !isSteady([await sampled(1)]); waited_s++)
    if (waited_s >= STEADY_LIMIT_S) throw new Error(`${PACE} shards/s are too many for this machine now`)
  await delay(WARM_S * 1000)
  const samples: (readonly Sample[])[] = []
  for (let round = 0; round < rounds; round++) samples.push(await sampled(SAMPLE_S))
  for (const load of loads) await load.end()
  const shards = samples.reduce((sum, [one]) => sum + (one?.shards ?? 0), 0)
  const total = (of: (sample: Sample) => number) =>
    samples.flat().reduce((sum, sample) => sum + of(sample), 0) / Math.max(1, shards)
  if (!isSteady(samples)) throw new Error(`${PACE} shards/s were not kept: the machine is busy`)
  if (hubs === 2 && samples.some((pair) => pair.some(({ leases }) => leases === 0)))
    throw new Error('one of the two hubs got nothing to do')
  return { cpu_us: total(({ hub_us }) => hub_us), statements: total(({ statements }) => statements) }
}

/** Each server's look at the database sees the shards of both. */
function isSteady(samples: readonly (readonly Sample[])[]): boolean {
  const sum = (of: (sample: Sample) => number) =>
    samples.reduce((total, [one]) => total + (one === undefined ? 0 : of(one)), 0)
  return Math.abs(sum(({ shards }) => shards) / sum(({ seconds }) => seconds) / PACE - 1) <= PACE_TOLERANCE
}
