import { ForgeError } from '../../kernel/errors.ts'
import type { JobStore, SettlementBasis } from '../memory/ports/jobs.ts'
import type { ResultStore } from '../memory/ports/results.ts'
import type { TrustStore } from '../memory/trust-store.ts'
import type { HubEvent } from './core/events.ts'
import type { ShardSpan } from './core/state.ts'
import { restingOn } from './doubt-desk.ts'
import { doubtedWords, wordKey } from './doubtful-shards.ts'
import type { JobRuntime } from './job-runtime.ts'
import type { HubLog } from './options.ts'
import { failureOf } from './referee-desk.ts'

/** An agent may be found wrong shortly before a job begins and still have a session at a hub that has not heard of it. */
const INCIDENT_MARGIN_MS = 60_000
const ATTEMPTS = 5
const RETRY_MS = 500

export interface FinisherPorts {
  readonly jobs: Pick<JobStore, 'settle' | 'get'>
  readonly results: Pick<ResultStore, 'load' | 'loadOf'>
  readonly trust: Pick<TrustStore, 'incidents'>
  readonly log: HubLog
  tell(event: HubEvent): void
  /** Appends a write to the job's chain, where it is repeated until the store takes it. */
  write(jobId: string, write: () => Promise<void>): void
  /** Waits until what was accepted here is durable and stands in the totals of those who did it. */
  durable(): Promise<void>
  /** Waits until what this hub has found of agents is stored. */
  findings(): Promise<void>
  settled(jobId: string): void
}

interface Basis {
  readonly settlement: SettlementBasis
  /** Wrong results of those on whose word alone shards rest. */
  readonly incidents: Awaited<ReturnType<TrustStore['incidents']>>
}

/**
 * Makes the result of a job all of whose shards are durable, whichever hubs accepted them, and settles it.
 *
 * 1. Rows of the store that are not folded here are folded.
 * 2. Agents on whose word alone shards rest are looked up: where one was found wrong since the job began, by whichever
 *    hub, those shards are executed again first, and what was wrong is replaced.
 * 3. The transaction that settles checks what this rests on: no shard has been corrected that is not in the fold, and no
 *    such agent has been found wrong meanwhile. Otherwise it settles nothing, and all is done again.
 *
 * Several hubs may do this at once, or one after another has died: the job's row lets one of them settle.
 */
export class Finisher {
  readonly #ports: FinisherPorts
  readonly #finishing = new Set<string>()
  #closed = false
  /** Incidents that have been looked into, by job. */
  readonly #examined = new Map<string, Set<number>>()

  constructor(ports: FinisherPorts) {
    this.#ports = ports
  }

  /** Jobs whose result is being made. */
  get jobs(): readonly string[] {
    return [...this.#finishing]
  }

  close(): void {
    this.#closed = true
  }

  forget(jobId: string): void {
    this.#finishing.delete(jobId)
    this.#examined.delete(jobId)
  }

  async finish(runtime: JobRuntime, attempt = 1): Promise<void> {
    const { log, tell } = this.#ports
    const jobId = runtime.id
    if (runtime.finishing || this.#closed) return
    runtime.finishing = true
    this.#finishing.add(jobId)
    try {
      await runtime.collect((wants) => this.#ports.results.load(jobId, wants))
      const basis = await this.#basis(runtime)
      const doubted = await this.#doubted(runtime, basis)
      if (doubted.length > 0) {
        // The core asks for completion again when they have been executed.
        runtime.finishing = false
        log('warn', 'shards of agents found wrong are executed again before the job ends', { job: jobId })
        tell({ t: 'job.doubted', job_id: jobId, spans: doubted })
        return
      }
      const settlement = await runtime.settlement(() => this.#ports.results.load(jobId))
      this.#ports.write(jobId, () => this.#settle(runtime, { ...settlement, basis: basis.settlement }))
    } catch (error) {
      log('error', 'a result cannot be made', { job: jobId, error: String(error) })
      runtime.finishing = false
      // A store that does not answer says nothing about the job.
      if (error instanceof ForgeError || attempt >= ATTEMPTS)
        tell({ t: 'job.broken', job_id: jobId, failure: failureOf(error) })
      else setTimeout(() => void this.finish(runtime, attempt + 1), RETRY_MS * 2 ** attempt).unref()
    }
  }

  async #settle(runtime: JobRuntime, settlement: Parameters<JobStore['settle']>[1]): Promise<void> {
    const { jobs, tell, durable, findings } = this.#ports
    const jobId = runtime.id
    // What an agent was told is accepted is paid, also beyond the stopping point.
    await durable()
    await findings()
    if (await jobs.settle(jobId, { ...settlement, progress: runtime.progress(undefined) })) {
      this.#ports.settled(jobId)
      return
    }
    const row = await jobs.get(jobId)
    if (row?.state === 'running' || row?.state === 'verifying') {
      // What the result rests on has changed.
      runtime.finishing = false
      void this.finish(runtime)
      return
    }
    // Somebody else has ended it, or a settlement whose answer was lost: the store knows.
    tell({ t: 'job.cancelled', job_id: jobId })
  }

  async #basis(runtime: JobRuntime): Promise<Basis> {
    const agents = [...new Set([...runtime.singles.values()].map(({ agent }) => agent))]
    const since = new Date(runtime.created_at.getTime() - INCIDENT_MARGIN_MS)
    const incidents = agents.length === 0 ? [] : await this.#ports.trust.incidents(agents, since)
    const settlement: SettlementBasis = {
      corrections: runtime.corrected,
      incidents: { agents, since, count: incidents.length },
    }
    return {
      settlement,
      incidents: incidents.filter((one) => runtime.singles.has(wordKey(one))),
    }
  }

  /** Shards on the word of agents who were found wrong that have not been executed again: here nothing is missed. */
  async #doubted(
    runtime: JobRuntime,
    { incidents }: Pick<Basis, 'incidents'>,
  ): Promise<readonly ShardSpan[]> {
    const examined = this.#examined.get(runtime.id) ?? new Set()
    this.#examined.set(runtime.id, examined)
    const doubted = doubtedWords(incidents, examined)
    return doubted.size === 0 ? [] : restingOn(this.#ports.results, runtime, doubted)
  }
}
