import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { short } from '../pairs.ts'
import type { Row, SuiteOptions } from '../suite.ts'
import { type Ground, type Host, until } from './ground.ts'
import { Load } from './load.ts'
import { watchersSeen } from './messages.ts'
import { blank } from './throughput.ts'
import { tinyContract } from './tiny-op.ts'

/** What a server costs that waits, that is watched, and that begins. */

const IDLE = 15_000
const IDLE_S = 5
const WATCHERS = 1000
const WATCHED_S = 6
/** Shards a second of the job that is watched: a lease every 200 ms from each of its five agents. */
const WATCHED_PACE = 400
const TEN_MILLION = 10_000_000
const MB = 1e6
const KIB = 1024
const network = z.object({ agents: z.int() })

/** `idle_agents` and `bytes_per_agent`. */
export async function idleAgents(ground: Ground, { say }: SuiteOptions): Promise<Row[]> {
  const host = await ground.host({ lease_shards: 64, flags: ['--expose-gc'] })
  const before = await host.usage()
  const started = performance.now()
  const load = await Load.on(ground, host, { count: IDLE, window: 1 })
  const seconds = (performance.now() - started) / 1000
  say(`  ${IDLE} agents enrolled in ${short(seconds)} s`)
  await delay(IDLE_S * 1000)
  const after = await host.usage()
  const { faults } = await load.seen()
  const connected = await agentsOf(host)
  const bytes = (after.rss_bytes - before.rss_bytes) / IDLE
  const heap = (after.heap_bytes - before.heap_bytes) / IDLE
  await load.end()
  return [
    {
      ...blank('idle_agents', 'idle agents connected to one process', 'agents'),
      value: connected,
      ours: connected,
      at_least: IDLE,
      notes: [`enrolled in ${short(seconds)} s`, ...faults.slice(0, 1)],
    },
    {
      ...blank('bytes_per_agent', 'resident memory of an idle agent', 'KiB'),
      value: bytes / KIB,
      ours: bytes / KIB,
      at_most: 16,
      notes: [`of which ${short(heap / KIB)} KiB in the heap of JavaScript; after a full collection`],
    },
  ]
}

async function agentsOf(host: Host): Promise<number> {
  const input = encodeURIComponent('{}')
  const response = await fetch(`${host.url}/api/trpc/network.stats?input=${input}`)
  const text = await response.text()
  const found = z.object({ result: z.object({ data: network }) }).safeParse(JSON.parse(text))
  if (!found.success) throw new Error(`the network's figures: ${text.slice(0, 200)}`)
  return found.data.result.data.agents
}

/** `fanout_core`: all that the server does while a thousand people watch a job that a few agents work on. */
export async function fanout(ground: Ground, { say }: SuiteOptions): Promise<Row[]> {
  const host = await ground.host({ lease_shards: 16 })
  const load = await Load.on(ground, host, { count: 5, window: 1 })
  await load.pace(WATCHED_PACE)
  const id = await host.submit(tinyContract(TEN_MILLION, 'fanout', { mode: 'none' }))
  await load.warmUp()
  const alone = await load.sample(WATCHED_S)
  const watchers = await ground.child('watchers')
  const url = `ws://127.0.0.1:${host.port}/live/job:${id}`
  await watchers.ask('start', { url, api_key: host.api_key, count: WATCHERS }, z.unknown())
  await load.warmUp()
  const first = await watchers.ask('seen', null, watchersSeen)
  const watched = await load.sample(WATCHED_S)
  const last = await watchers.ask('seen', null, watchersSeen)
  if (last.faults.length > 0) throw new Error(`a watcher was cut: ${last.faults[0]}`)
  const core = (sample: typeof alone) => sample.hub_us / 1e6 / sample.seconds
  const value = core(watched)
  const updates = (last.frames - first.frames) / WATCHERS / watched.seconds
  const bytes = (last.bytes - first.bytes) / (last.frames - first.frames)
  say(`  ${short(updates)} updates/s of ${short(bytes)} bytes each`)
  await watchers.end()
  await load.end()
  return [
    {
      ...blank('fanout_core', 'CPU of the server for 1,000 watchers of one running job', 'core'),
      value,
      ours: value,
      at_most: 0.15,
      notes: [
        `each hears ${short(updates)} updates a second of ${short(bytes)} bytes; the job itself is in it: unwatched ` +
          `it takes ${core(alone).toFixed(3)} core`,
      ],
    },
  ]
}

/** `start_10m`: from the submission of a large job to its first lease. */
export async function startOfLargeJob(ground: Ground, { rounds, say }: SuiteOptions): Promise<Row[]> {
  const host = await ground.host({ lease_shards: 64, flags: ['--expose-gc'] })
  const load = await Load.on(ground, host, { count: 1, window: 1 })
  let slowest = 0
  let memory = 0
  for (let round = 1; round <= Math.min(rounds, 3); round++) {
    // One agent that thinks for ever takes one lease: another job, another agent.
    const fresh = await Load.on(ground, host, { count: 1, window: 1 })
    const started = performance.now()
    await host.submit(tinyContract(TEN_MILLION, `start ${round}`, { mode: 'adaptive' }))
    await until('a lease', 60_000, async () => {
      const { leases } = await fresh.seen()
      return leases > 0 ? true : undefined
    })
    slowest = Math.max(slowest, (performance.now() - started) / 1000)
    memory = Math.max(memory, (await host.usage()).rss_bytes)
    say(`  ${round}: ${slowest.toFixed(3)} s, ${short(memory / MB)} MB`)
    await fresh.endAgents()
  }
  await load.end()
  return [
    {
      ...blank('start_10m', 'from submitting a job of 10 million shards to its first lease', 's'),
      value: slowest,
      ours: slowest,
      at_most: 1,
    },
    {
      ...blank('start_10m/memory', 'resident memory of the server then', 'MB'),
      value: memory / MB,
      ours: memory / MB,
      at_most: 200,
    },
  ]
}
