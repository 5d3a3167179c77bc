import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { median, short } from '../pairs.ts'
import type { Child } from './child.ts'
import { type Ground, type Host, until } from './ground.ts'
import { type AgentsSeen, agentsSeen } from './messages.ts'

/** A server under the load of a thousand agents, sampled. */

export const AGENTS = 1000
export const WINDOW = 2
/** Room for what they make and drop: their collections would hold up the server, with which they share two cores. */
const AGENTS_FLAGS = ['--min-semi-space-size=64', '--max-semi-space-size=64']
const WARM_UP_S = 3
/** Leases of each agent until a load is steady: the first ones are small. */
export const WARM_LEASES = 4
const WARM_UP_LIMIT_MS = 60_000
const SAMPLE_S = 2
const nothing = z.unknown()

export interface Sample {
  readonly seconds: number
  /** Durable. */
  readonly shards: number
  readonly leases: number
  readonly statements: number
  readonly lease_ms: readonly number[]
  /** The longest that the server's event loop was held up. */
  readonly loop_ms: number
  readonly hub_us: number
  readonly agents_us: number
  readonly database_us: number | undefined
}

export class Load {
  readonly host: Host
  /** Processes of agents, each with as many. */
  readonly #agents: readonly Child[]
  readonly #count: number

  private constructor(host: Host, agents: readonly Child[], count: number) {
    this.host = host
    this.#agents = agents
    this.#count = count
  }

  /** Agents on a server; they have nothing to do before a job is submitted. */
  static async on(
    ground: Ground,
    host: Host,
    more: {
      readonly gbm?: unknown
      readonly count?: number
      readonly window?: number
      readonly processes?: number
    } = {},
  ): Promise<Load> {
    const { count = AGENTS, window = WINDOW, processes = 1 } = more
    const agents = await Promise.all(
      Array.from({ length: processes }, () => ground.child('agents', AGENTS_FLAGS)),
    )
    for (const child of agents)
      await child.ask(
        'start',
        {
          url: `ws://127.0.0.1:${host.port}/agent`,
          tokens: host.tokens,
          count: count / processes,
          window,
          shard_ms: 0,
          ...(more.gbm === undefined ? {} : { gbm: more.gbm }),
        },
        nothing,
      )
    return new Load(host, agents, count)
  }

  /** From now on the agents take their time, so that all together do so many shards a second, whatever their leases. */
  async pace(shards_per_s: number): Promise<void> {
    for (const child of this.#agents) await child.ask('pace', (1000 * this.#count) / shards_per_s, nothing)
  }

  /** @param leases that every agent has answered before, on average */
  async warmUp(leases = 0): Promise<void> {
    await delay(WARM_UP_S * 1000)
    await until('leases for all agents', WARM_UP_LIMIT_MS, async () =>
      (await this.#seen()).leases >= leases * AGENTS ? true : undefined,
    )
  }

  async sample(seconds = SAMPLE_S): Promise<Sample> {
    const before = await this.#look()
    await delay(seconds * 1000)
    const after = await this.#look()
    return {
      seconds: (after.at - before.at) / 1000,
      shards: after.shards - before.shards,
      leases: after.seen.leases - before.seen.leases,
      statements: after.usage.statements - before.usage.statements,
      lease_ms: after.seen.lease_ms,
      loop_ms: after.usage.loop_ms,
      hub_us: after.usage.cpu_us - before.usage.cpu_us,
      agents_us: after.seen.cpu_us - before.seen.cpu_us,
      database_us:
        after.database_us === undefined || before.database_us === undefined
          ? undefined
          : after.database_us - before.database_us,
    }
  }

  /** What all agents have seen, faults among it. */
  async seen(): Promise<AgentsSeen> {
    const parts = await Promise.all(this.#agents.map((child) => child.ask('seen', null, agentsSeen)))
    const sum = (of: (part: AgentsSeen) => number) => parts.reduce((total, part) => total + of(part), 0)
    return {
      leases: sum(({ leases }) => leases),
      shards: sum(({ shards }) => shards),
      accepted: sum(({ accepted }) => accepted),
      cpu_us: sum(({ cpu_us }) => cpu_us),
      lease_ms: parts.flatMap(({ lease_ms }) => lease_ms),
      faults: parts.flatMap(({ faults }) => faults),
    }
  }

  async samples(rounds: number, say: (line: string) => void): Promise<readonly Sample[]> {
    const samples: Sample[] = []
    for (let round = 1; round <= rounds; round++) {
      const sample = await this.sample()
      samples.push(sample)
      const [shards, leases] = [sample.shards, sample.leases].map((count) => short(count / sample.seconds))
      say(
        `  ${round}/${rounds}: ${shards} shards/s, ${leases} leases/s, the loop held up ${short(sample.loop_ms)} ms; ${cpuNote([sample])}`,
      )
    }
    return samples
  }

  /** Ends the agents; the server goes on. */
  async endAgents(): Promise<void> {
    for (const child of this.#agents) await child.end()
  }

  async end(): Promise<void> {
    await this.endAgents()
    await this.host.end()
  }

  async #look() {
    const [shards, usage, seen, database_us] = await Promise.all([
      this.host.durable(),
      this.host.usage(),
      this.#seen(),
      this.host.databaseCpu(),
    ])
    return { at: performance.now(), shards, usage, seen, database_us }
  }

  /** @throws Error when an agent was refused anything */
  async #seen(): Promise<AgentsSeen> {
    const seen = await this.seen()
    if (seen.faults.length > 0) throw new Error(`an agent was refused: ${seen.faults.join('; ')}`)
    return seen
  }
}

/** Rates of samples and their median. */
export function rates(
  samples: readonly Sample[],
  of: (sample: Sample) => number,
): { readonly value: number; readonly spread: readonly [number, number] } {
  const values = samples.map((sample) => of(sample) / sample.seconds)
  return { value: median(values), spread: [Math.min(...values), Math.max(...values)] }
}

/** Where a shard's time goes. */
export function cpuNote(samples: readonly Sample[]): string {
  const per = (of: (sample: Sample) => number | undefined) => {
    const us = samples.reduce((sum, sample) => sum + (of(sample) ?? Number.NaN), 0)
    const shards = samples.reduce((sum, sample) => sum + sample.shards, 0)
    return Number.isNaN(us) ? '–' : `${short(us / Math.max(1, shards))} µs`
  }
  return (
    `CPU of a shard: server ${per(({ hub_us }) => hub_us)}, PostgreSQL ${per(({ database_us }) => database_us)}, ` +
    `simulated agents ${per(({ agents_us }) => agents_us)}`
  )
}

/** @param share 0.99 for the 99th percentile. @returns NaN for no values */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}
