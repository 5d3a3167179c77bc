import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { ErrorCode } from '../../kernel/errors.ts'
import type { HubEffect, HubEvent } from '../hub/core/events.ts'
import { claimedSpeed } from '../hub/core/speed.ts'
import type { HubFigures, HubTap } from '../hub/tap.ts'
import type { DoorMeter } from './door-meter.ts'

/**
 * Everything that Prometheus scrapes. Labels have few values, all of them the program's own words: nothing that a stranger
 * sends becomes a label.
 */

/** What is asked for at the time of a scrape. */
export interface MetricSources {
  hub(): HubFigures | undefined
  pool(): { readonly total: number; readonly idle: number; readonly waiting: number }
  /** Entries of the ledger: stored, and covered by the newest checkpoint. */
  ledger(): Promise<{ readonly stored: number; readonly published: number }>
}

const LEASE_S = [0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 60]
const COMMIT_S = [0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 5]
const REQUEST_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
/** Leases and acceptances whose age is kept for a histogram: what is never answered makes room in the end. */
const OPEN_MAX = 65_536

export class Metrics implements HubTap, DoorMeter {
  readonly #registry = new Registry()
  readonly #now_ms: () => number
  readonly #leased = new Map<string, number>()
  readonly #accepted = new Map<string, number[]>()

  readonly #leases
  readonly #leasedShards
  readonly #leaseSeconds
  readonly #results
  readonly #acceptedShards
  readonly #durableShards
  readonly #commitSeconds
  readonly #refereeShards
  readonly #failedAgents
  readonly #canaries
  readonly #ends
  readonly #requests
  readonly #requestSeconds
  readonly #limited
  readonly #disconnects
  readonly #refusals
  readonly #connections
  readonly #speedClaims
  readonly #recorded

  /** @param now_ms monotonic */
  constructor(sources: MetricSources, now_ms: () => number = () => performance.now()) {
    this.#now_ms = now_ms
    const registers = [this.#registry]
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Counter({ name: `forge_${name}`, help, labelNames, registers })
    const histogram = <L extends string>(
      name: string,
      help: string,
      buckets: readonly number[],
      labelNames: readonly L[] = [],
    ) => new Histogram({ name: `forge_${name}`, help, buckets: [...buckets], labelNames, registers })

    this.#leases = counter('hub_leases_granted_total', 'Leases sent to agents.')
    this.#leasedShards = counter('hub_shards_leased_total', 'Shards in leases sent to agents.')
    this.#leaseSeconds = histogram('hub_lease_seconds', 'From a lease to its result.', LEASE_S)
    this.#results = counter(
      'hub_results_total',
      'Results of leases: received, invalid (wrong by itself), not_held (of a lease that the sender does not hold), released.',
      ['outcome'],
    )
    this.#acceptedShards = counter('hub_shards_accepted_total', 'Shards accepted, by how.', ['method'])
    this.#durableShards = counter('hub_shards_committed_total', 'Accepted shards that are durable.')
    this.#commitSeconds = histogram('hub_commit_seconds', 'From an acceptance to its commit.', COMMIT_S)
    this.#refereeShards = counter('hub_referee_shards_total', 'Shards given to the referee, by why.', ['why'])
    this.#failedAgents = counter('hub_agents_failed_total', 'Agents put into quarantine.', ['executor'])
    this.#canaries = counter('hub_canaries_total', 'Answers to leases whose result was known.', ['outcome'])
    this.#ends = counter('hub_jobs_ended_total', 'Jobs that ended, by how.', ['state'])
    this.#requests = counter('http_requests_total', 'HTTP requests by area and class of status.', [
      'area',
      'status',
    ])
    this.#requestSeconds = histogram('http_request_seconds', 'Time to answer.', REQUEST_S, ['area'])
    this.#limited = counter('rate_limited_total', 'Refusals by a rate limit, by its name.', ['limit'])
    this.#disconnects = counter('agent_disconnects_total', 'Agents cut off for what they sent, by why.', [
      'why',
    ])
    this.#refusals = counter('agent_refusals_total', "Agents' calls answered with an error, by its code.", [
      'code',
    ])
    this.#connections = counter(
      'connections_refused_total',
      'Connections closed unread: too many from one address, or in all.',
      ['why'],
    )
    this.#speedClaims = counter(
      'hub_speed_claims_ignored_total',
      'Agents that claimed a speed which no machine has.',
    )
    this.#recorded = counter('ledger_records_total', 'Records appended to the ledger by this process.')

    const hub = <L extends string>(
      name: string,
      help: string,
      labelNames: readonly L[],
      read: (figures: HubFigures, gauge: Gauge<L>) => void,
    ): void => {
      new Gauge({
        name: `forge_hub_${name}`,
        help,
        labelNames,
        registers,
        collect() {
          this.reset()
          const figures = sources.hub()
          if (figures !== undefined) read(figures, this)
        },
      })
    }
    hub('sessions', 'Agents connected.', [], (figures, gauge) => gauge.set(figures.sessions))
    hub('leases_open', 'Leases without an answer.', [], (figures, gauge) => gauge.set(figures.leases))
    hub('jobs', 'Jobs in work by phase.', ['phase'], ({ jobs }, gauge) => {
      for (const phase of ['planned', 'running', 'verifying'] as const) gauge.set({ phase }, jobs[phase] ?? 0)
    })
    hub(
      'jobs_unreadable',
      'Jobs whose stored data cannot be read now, and that are tried again.',
      [],
      (figures, gauge) => gauge.set(figures.unreadable),
    )
    hub('referee_waiting', 'Runs that wait for the referee.', ['why'], (figures, gauge) => {
      gauge.set({ why: 'dispute' }, figures.disputes)
      gauge.set({ why: 'audit' }, figures.audits)
    })
    hub('referee_requests', 'Requests that the referee is at.', [], (figures, gauge) =>
      gauge.set(figures.refereeing),
    )
    hub('uncommitted', 'Acceptances that are not durable yet.', [], (figures, gauge) =>
      gauge.set(figures.uncommitted),
    )
    new Gauge({
      name: 'forge_database_connections',
      help: 'Connections of the pool by use; waiting are requests for one.',
      labelNames: ['use'],
      registers,
      collect() {
        const { total, idle, waiting } = sources.pool()
        this.set({ use: 'busy' }, total - idle)
        this.set({ use: 'idle' }, idle)
        this.set({ use: 'waiting' }, waiting)
      },
    })
    new Gauge({
      name: 'forge_ledger_entries',
      help: 'Entries of the ledger: stored, and covered by the newest checkpoint.',
      labelNames: ['extent'],
      registers,
      async collect() {
        // A database that does not answer leaves a gap here; the other figures must still come.
        const ledger = await sources.ledger().catch(() => undefined)
        this.reset()
        if (ledger === undefined) return
        this.set({ extent: 'stored' }, ledger.stored)
        this.set({ extent: 'published' }, ledger.published)
      },
    })
    collectDefaultMetrics({ register: this.#registry })
  }

  /** The text format of Prometheus, with its content type. */
  async exposition(): Promise<{ readonly type: string; readonly text: string }> {
    return { type: this.#registry.contentType, text: await this.#registry.metrics() }
  }

  heard(event: HubEvent): void {
    switch (event.t) {
      case 'session.joined':
        if (event.claimed_speed !== undefined && claimedSpeed(event.claimed_speed) === undefined)
          this.#speedClaims.inc()
        break
      case 'result.received':
        this.#answered(event.lease_id, 'received')
        break
      case 'result.invalid':
        this.#answered(event.lease_id, 'invalid')
        break
      case 'lease.released':
        for (const lease of event.lease_ids) this.#answered(lease, 'released')
        break
      case 'committed': {
        this.#durableShards.inc(event.shard_count)
        const key = `${event.job_id} ${event.chunk}`
        const since = this.#accepted.get(key)
        const at_ms = since?.shift()
        if (at_ms !== undefined) this.#commitSeconds.observe((this.#now_ms() - at_ms) / 1000)
        if (since?.length === 0) this.#accepted.delete(key)
        break
      }
      default:
    }
  }

  said(effect: HubEffect): void {
    switch (effect.t) {
      case 'send': {
        const { message } = effect
        if (message.t === 'lease') {
          this.#leases.inc()
          this.#leasedShards.inc(message.count)
          this.#leased.set(message.lease_id, this.#now_ms())
          forgetOldest(this.#leased)
        } else if (message.t === 'cancel') this.#leased.delete(message.lease_id)
        break
      }
      case 'persist': {
        for (const run of effect.runs) this.#acceptedShards.inc({ method: run.method }, run.count)
        for (const { isRight } of effect.canaries ?? [])
          this.#canaries.inc({ outcome: isRight ? 'right' : 'wrong' })
        const key = `${effect.job_id} ${effect.chunk}`
        const since = this.#accepted.get(key)
        if (since !== undefined) since.push(this.#now_ms())
        else {
          this.#accepted.set(key, [this.#now_ms()])
          forgetOldest(this.#accepted)
        }
        break
      }
      case 'referee.run':
        this.#refereeShards.inc({ why: 'execute' }, effect.shards.length)
        break
      case 'referee.check':
        this.#refereeShards.inc({ why: 'check' }, effect.shards.length)
        break
      case 'referee.recheck':
        this.#refereeShards.inc({ why: 'recheck' }, effect.shards.length)
        break
      case 'agent.failed':
        this.#failedAgents.inc({ executor: effect.executor })
        break
      case 'job.phase':
        if (!['planned', 'running', 'verifying'].includes(effect.phase))
          this.#ends.inc({ state: effect.phase })
        break
      default:
    }
  }

  notHeld(): void {
    this.#results.inc({ outcome: 'not_held' })
  }

  answered(area: string, status: number, elapsed_ms: number): void {
    this.#requests.inc({ area, status: `${Math.floor(status / 100)}xx` })
    this.#requestSeconds.observe({ area }, elapsed_ms / 1000)
  }

  limited(limit: string): void {
    this.#limited.inc({ limit })
  }

  agentCut(why: string): void {
    this.#disconnects.inc({ why })
  }

  agentRefused(code: ErrorCode): void {
    this.#refusals.inc({ code })
  }

  connectionRefused(why: 'address_full' | 'server_full'): void {
    this.#connections.inc({ why })
  }

  recorded(count: number): void {
    this.#recorded.inc(count)
  }

  #answered(lease: string, outcome: 'received' | 'invalid' | 'released'): void {
    this.#results.inc({ outcome })
    const at_ms = this.#leased.get(lease)
    if (at_ms === undefined) return
    this.#leased.delete(lease)
    if (outcome === 'received') this.#leaseSeconds.observe((this.#now_ms() - at_ms) / 1000)
  }
}

/** A map keeps the order in which its keys came. */
function forgetOldest(map: Map<string, unknown>): void {
  if (map.size <= OPEN_MAX) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}
