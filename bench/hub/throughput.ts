import { short } from '../pairs.ts'
import type { Row, SuiteOptions } from '../suite.ts'
import { gbmContract, record } from './gbm-record.ts'
import type { Ground } from './ground.ts'
import { AGENTS, cpuNote, Load, percentile, rates, type Sample, WARM_LEASES, WINDOW } from './load.ts'
import { tinyContract } from './tiny-op.ts'

/** Shards of a job that no run comes to the end of. */
const MANY = 16_000_000
const LEASE_SHARDS = 64
const AUDITED = 0.05
const REFEREE_CPU_SHARE = 0.5
/** Of the referee's CPU, how much audits of real shards are to take. */
const REFEREE_USE = 0.6
const HALF_LOAD_S = 15
const MIB = 1024 * 1024

const total = (samples: readonly Sample[], of: (sample: Sample) => number) =>
  samples.reduce((sum, sample) => sum + of(sample), 0)

/** `shards_per_s`, `statements_per_1000` and `lease_p99_ms`: one server, one job. */
export async function tinyShards(ground: Ground, { only, rounds, say }: SuiteOptions): Promise<Row[]> {
  const host = await ground.host({ lease_shards: LEASE_SHARDS, referee_cpu_share: 1 })
  const load = await Load.on(ground, host)
  await host.submit(tinyContract(MANY, 'shards', { mode: 'spotcheck', rate: AUDITED }))
  await load.warmUp(WARM_LEASES)
  const samples = await load.samples(rounds, say)
  const { value, spread } = rates(samples, ({ shards }) => shards)
  const rows: Row[] = [
    {
      ...blank('shards_per_s', 'verified shards of 64 bytes a second, durable', 'shards/s'),
      value,
      ours: value,
      spread,
      at_least: 100_000,
      notes: [
        `${AGENTS} agents with ${WINDOW} leases of ${LEASE_SHARDS} shards each, ${100 * AUDITED} % audited`,
        cpuNote(samples),
      ],
    },
  ]
  const statements = (1000 * total(samples, (one) => one.statements)) / total(samples, (one) => one.shards)
  rows.push({
    ...blank('statements_per_1000', 'database statements of 1,000 verified shards', 'statements'),
    value: statements,
    ours: statements,
    at_most: 5,
    notes: ['every statement of the server, as node-postgres sends it, in the run of `shards_per_s`'],
  })
  if (only.has('lease_p99_ms')) {
    await load.pace(value / 2)
    await load.warmUp()
    const half = await load.sample(HALF_LOAD_S)
    const p99 = percentile(half.lease_ms, 0.99)
    rows.push({
      ...blank('lease_p99_ms', 'from a request to its lease at half load, 99th percentile', 'ms'),
      value: p99,
      ours: p99,
      at_most: 50,
      notes: [
        `${short(half.shards / half.seconds)} shards/s; median ${short(percentile(half.lease_ms, 0.5))} ms of ` +
          `${half.lease_ms.length} leases, from the moment that a result leaves its agent free`,
      ],
    })
  }
  await load.end()
  return rows
}

/** `gbm_shards_per_s`: real result bytes of a shipped op. */
export async function gbmShards(ground: Ground, { rounds, say }: SuiteOptions): Promise<Row[]> {
  const { shard_ms } = await record(gbmContract(MANY, 'gbm', { mode: 'none' }))
  // So many audits a second are in the referee's budget.
  const audits = (REFEREE_USE * REFEREE_CPU_SHARE * 1000) / shard_ms
  const rate = Number((audits / 20_000).toPrecision(2))
  const contract = gbmContract(MANY, 'gbm', { mode: 'spotcheck', rate })
  const host = await ground.host({ lease_shards: LEASE_SHARDS, referee_cpu_share: REFEREE_CPU_SHARE })
  const load = await Load.on(ground, host, { gbm: contract })
  await host.submit(contract)
  await load.warmUp(WARM_LEASES)
  const samples = await load.samples(rounds, say)
  const { value, spread } = rates(samples, ({ shards }) => shards)
  const leaf_bytes = 2112
  await load.end()
  return [
    {
      ...blank(
        'gbm_shards_per_s',
        'verified shards with the result bytes of gbm.v1 a second, durable',
        'shards/s',
      ),
      value,
      ours: value,
      spread,
      at_least: 20_000,
      notes: [
        `${short((value * leaf_bytes) / MIB)} MiB/s of results; ${short(100 * rate)} % audited: a shard takes the referee ` +
          `${short(shard_ms)} ms, of which it has ${100 * REFEREE_CPU_SHARE} % of a core`,
        cpuNote(samples),
      ],
    },
  ]
}

export const LEASE_16 = 16

/** Leases of 16 shards each, granted and settled durably a second. */
export async function leases(
  ground: Ground,
  { rounds, say }: SuiteOptions,
): Promise<{ readonly value: number; readonly row: Row }> {
  const host = await ground.host({ lease_shards: LEASE_16, referee_cpu_share: 1 })
  const load = await Load.on(ground, host)
  await host.submit(tinyContract(MANY, 'leases', { mode: 'spotcheck', rate: AUDITED }))
  await load.warmUp(WARM_LEASES)
  const samples = await load.samples(rounds, say)
  const { value, spread } = rates(samples, ({ shards }) => shards / LEASE_16)
  await load.end()
  return {
    value,
    row: {
      ...blank('leases_per_s', 'leases of 16 shards granted and settled durably a second', 'leases/s'),
      value,
      ours: value,
      spread,
      at_least: 4000,
      notes: [cpuNote(samples)],
    },
  }
}

/** A row of ours alone. */
export function blank(id: string, what: string, unit: string) {
  return { id, what, unit, rate: unit, value: null, ours: null, peer: null, peer_value: null } as const
}
