import type { Row, Suite, SuiteOptions, SuiteRun } from '../suite.ts'
import { Ground } from './ground.ts'
import { queueRates } from './queues.ts'
import { fanout, idleAgents, startOfLargeJob } from './rooms-and-agents.ts'
import { secondHub } from './second-hub.ts'
import { copiesHonest, wrongAccepted } from './simulated.ts'
import { soak } from './soak.ts'
import { blank, gbmShards, leases, tinyShards } from './throughput.ts'

/** Rows that are measured together. */
interface Part {
  readonly ids: readonly string[]
  run(ground: Ground, options: SuiteOptions): Promise<readonly Row[]>
  /** Only where it is asked for. */
  readonly isLong?: true
}

const PARTS: readonly Part[] = [
  { ids: ['shards_per_s', 'statements_per_1000', 'lease_p99_ms'], run: tinyShards },
  { ids: ['gbm_shards_per_s'], run: gbmShards },
  { ids: ['leases_per_s', 'leases/peer'], run: leasesAndPeers },
  { ids: ['idle_agents', 'bytes_per_agent'], run: idleAgents },
  { ids: ['copies_honest'], run: async () => [copiesHonest()] },
  { ids: ['wrong_accepted'], run: async () => [wrongAccepted()] },
  { ids: ['fanout_core'], run: fanout },
  { ids: ['second_hub'], run: secondHub },
  { ids: ['start_10m', 'start_10m/memory'], run: startOfLargeJob },
  { ids: ['soak'], run: soak, isLong: true },
]

async function leasesAndPeers(ground: Ground, options: SuiteOptions): Promise<readonly Row[]> {
  const { value, row } = await leases(ground, options)
  if (!options.only.has('leases/peer')) return [row]
  const what = 'leases settled durably, against jobs of the best queue in the same run'
  const ratio: Row = { ...blank('leases/peer', what, 'x'), rate: '/s', ours: value, at_least: 1 }
  try {
    const queues = await queueRates(ground, options)
    const best = queues.reduce((a, b) => (b.value > a.value ? b : a))
    const notes = queues.map(({ note }) => note)
    return [row, { ...ratio, value: value / best.value, peer: best.name, peer_value: best.value, notes }]
  } catch (error) {
    return [row, { ...ratio, invalid: reasonOf(error) }]
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

async function run(options: SuiteOptions): Promise<SuiteRun> {
  const { only, say } = options
  const rows: Row[] = []
  for (const part of PARTS) {
    const wanted = part.ids.filter((id) => only.has(id))
    if (wanted.length === 0 && !(part.isLong && options.soak)) continue
    say(wanted.join(', '))
    // Each part on its own: what one leaves behind does not slow the next.
    const ground = new Ground(say)
    // Its PostgreSQL would outlive this process.
    const interrupted = () => void ground.close().finally(() => process.exit(130))
    for (const signal of SIGNALS) process.once(signal, interrupted)
    try {
      const measured = await part.run(ground, options)
      rows.push(...measured.filter(({ id }) => only.has(id) || part.isLong))
    } catch (error) {
      for (const id of part.isLong ? part.ids : wanted)
        rows.push({ ...blank(id, '', ''), invalid: reasonOf(error) })
    } finally {
      for (const signal of SIGNALS) process.off(signal, interrupted)
      await ground.close()
    }
  }
  return { rows, adapters: [] }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The hub under load: how many shards, leases, agents and watchers one server carries. */
export const hub: Suite = {
  name: 'hub',
  title: 'the hub under load: shards, leases, agents and watchers of one server, against job queues',
  ids: () => PARTS.flatMap(({ ids, isLong }) => (isLong ? [] : ids)),
  run,
}
