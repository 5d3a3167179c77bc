import type { AcceptedRun } from '../../../kernel/acceptance.ts'
import { workDone } from '../../../kernel/bill.ts'
import type { ClaimedChunk, Credit, HubEffect } from '../core/events.ts'
import { copiesPaid } from '../core/verify-policy.ts'
import { digestOf } from './random.ts'
import type { SimAgent, SimJob } from './scenario.ts'

/**
 * The database of a simulated network: accepted shards, money and the chunk queue, which outlive every hub. It refuses
 * what an earlier owner of a chunk writes, and it is where the rules about what is durable are checked.
 */

type Fail = (message: string) => never
export type Persist = Extract<HubEffect, { readonly t: 'persist' }>

interface StoredChunk {
  epoch: number
  expires_ms: number
  isDone: boolean
}

export interface StoredJob {
  readonly job: SimJob
  owner: string
  readonly truth: Uint8Array
  readonly isAccepted: Uint8Array
  accepted_count: number
  readonly chunks: StoredChunk[]
  looks_passed: number
  stopped_at: number | undefined
  end: 'settled' | 'cancelled' | undefined
  /** Chargeable copies that are durable, and that the accepted shards have. */
  paid: number
  /** Shards that rest on one word of a job that verifies, and whose: their runs as they were accepted. */
  readonly singles: Map<number, AcceptedRun>
  /** Those of them that are wrong and have not been replaced. */
  readonly wrong: Set<number>
  readonly corrected: Set<number>
}

/** What a settlement rests on. */
export interface Basis {
  readonly corrections: number
  readonly incidents: number
  /** Wrong shards in the fold. */
  readonly wrong: ReadonlySet<number>
}

export class Store {
  readonly jobs = new Map<string, StoredJob>()
  /** Shards of each lease that are durable and that its agent may be told of. */
  readonly credited = new Map<string, number>()
  /** Shards of each answered lease that may be paid: those that no lie would have to be caught for. */
  readonly right = new Map<string, number>()
  fenced = 0
  wrong = 0
  corrected = 0
  /** Agents that some hub has found wrong. */
  readonly incidents = new Set<string>()
  readonly #agents: ReadonlyMap<string, SimAgent>
  readonly #fail: Fail
  readonly #commits = new Map<number, boolean>()

  constructor(jobs: readonly SimJob[], agents: readonly SimAgent[], fail: Fail) {
    this.#agents = new Map(agents.map((agent) => [agent.key, agent]))
    this.#fail = fail
    for (const job of jobs) this.jobs.set(job.id, storedJob(job))
  }

  get(id: string): StoredJob {
    return this.jobs.get(id) ?? this.#fail(`no job ${id}`)
  }

  get isOver(): boolean {
    for (const { end } of this.jobs.values()) if (end === undefined) return false
    return true
  }

  claim(id: string, wanted: number, now_ms: number, claim_ms: number) {
    const stored = this.get(id)
    const chunks: ClaimedChunk[] = []
    let exhausted = true
    for (const [number, chunk] of stored.chunks.entries()) {
      if (chunk.isDone || now_ms < chunk.expires_ms) continue
      if (chunks.length === wanted) {
        exhausted = false
        break
      }
      chunk.epoch++
      chunk.expires_ms = now_ms + claim_ms
      chunks.push(this.#claimed(stored, number, claim_ms))
    }
    return { chunks, exhausted }
  }

  #claimed(stored: StoredJob, number: number, claim_ms: number): ClaimedChunk {
    const { chunk_shards, shard_count } = stored.job
    const first = number * chunk_shards
    const count = Math.min(chunk_shards, shard_count - first)
    const accepted: [number, number][] = []
    for (let shard = first; shard < first + count; shard++) {
      if (stored.isAccepted[shard] === 0) continue
      const last = accepted.at(-1)
      if (last !== undefined && last[0] + last[1] === shard) last[1]++
      else accepted.push([shard, 1])
    }
    return {
      chunk: number,
      first,
      count,
      epoch: stored.chunks[number]?.epoch ?? 0,
      lease_ms: claim_ms,
      accepted,
    }
  }

  hasChunks(id: string, now_ms: number): boolean {
    return this.get(id).chunks.some((chunk) => !chunk.isDone && now_ms >= chunk.expires_ms)
  }

  extend(id: string, number: number, epoch: number, now_ms: number, claim_ms: number): boolean {
    const chunk = this.get(id).chunks[number]
    if (chunk === undefined || chunk.epoch !== epoch || chunk.isDone || now_ms >= chunk.expires_ms)
      return false
    chunk.expires_ms = now_ms + claim_ms
    return true
  }

  release(id: string, number: number, epoch: number): void {
    const chunk = this.get(id).chunks[number]
    if (chunk?.epoch === epoch) chunk.expires_ms = 0
  }

  /** @returns whether every chunk of the job is done */
  done(id: string, number: number, epoch: number): boolean {
    const stored = this.get(id)
    const chunk = stored.chunks[number]
    if (chunk?.epoch === epoch) chunk.isDone = true
    return stored.chunks.every(({ isDone }) => isDone)
  }

  /** Stores once what is committed under a number, however often it is tried. @returns false when it is fenced */
  commit(number: number, persist: Persist): boolean {
    const known = this.#commits.get(number)
    if (known !== undefined) return known
    const stored = this.get(persist.job_id)
    const isOpen = stored.chunks[persist.chunk]?.epoch === persist.epoch && stored.end === undefined
    this.#commits.set(number, isOpen)
    if (!isOpen) {
      this.fenced++
      return false
    }
    for (const run of persist.runs) this.#accept(stored, run)
    const paid = workDone(persist.runs, stored.owner, copiesPaid(stored.job.verify))
    for (const { computation, verification } of paid) stored.paid += computation + verification
    for (const credit of persist.credits) this.#credit(credit)
    this.#look(stored)
    return true
  }

  #credit({ lease_id, shards }: Credit): void {
    const credited = (this.credited.get(lease_id) ?? 0) + shards
    this.credited.set(lease_id, credited)
    if (credited > (this.right.get(lease_id) ?? 0))
      this.#fail(`lease ${lease_id} is credited with ${credited} shards, of which fewer are right`)
  }

  #accept(stored: StoredJob, run: AcceptedRun): void {
    const { job } = stored
    if (run.digests.length !== 32 * run.count || run.leaves.length !== run.count)
      this.#fail(`run ${run.first} of ${job.id} has not what it should have`)
    const owners = new Set(run.copies.map(({ owner }) => owner))
    if (owners.size !== run.copies.length)
      this.#fail(`shard ${run.first} of ${job.id}: two copies of one owner`)
    if (run.method === 'quorum' && job.verify.mode === 'quorum' && owners.size < job.verify.k)
      this.#fail(`shard ${run.first} of ${job.id} was accepted by ${owners.size} owners`)
    if (run.method === 'single' && job.verify.mode === 'quorum')
      this.#fail(`shard ${run.first} of ${job.id} was accepted on one word`)
    for (let offset = 0; offset < run.count; offset++) {
      const shard = run.first + offset
      if (stored.isAccepted[shard] !== 0) this.#fail(`shard ${shard} of ${job.id} was accepted twice`)
      stored.isAccepted[shard] = 1
      stored.accepted_count++
      if (run.method === 'single' && job.verify.mode !== 'none') stored.singles.set(shard, run)
      for (let at = 0; at < 32; at++) {
        if (run.digests[32 * offset + at] === stored.truth[32 * shard + at]) continue
        this.#explainWrong(job, shard, run)
        if (stored.singles.has(shard)) stored.wrong.add(shard)
        break
      }
    }
  }

  /** A wrong digest is accepted only on the word of as many colluding owners as the policy asks for. */
  #explainWrong(job: SimJob, shard: number, { method, copies }: AcceptedRun): void {
    this.wrong++
    const liars = copies.map(({ agent }) => this.#agents.get(agent)?.honesty ?? 'honest')
    const isExplained =
      (method === 'quorum' && liars.every((honesty) => honesty === 'colluder')) ||
      (method === 'single' && liars.every((honesty) => honesty !== 'honest'))
    if (!isExplained) this.#fail(`a wrong digest of shard ${shard} of ${job.id} was accepted by ${method}`)
  }

  /** Looks at prefixes that are complete, as the shell does with the fold. */
  #look(stored: StoredJob): void {
    const { look_ends, shard_count } = stored.job
    while (stored.stopped_at === undefined) {
      const end = look_ends[stored.looks_passed]
      if (end === undefined || stored.isAccepted.subarray(0, end).includes(0)) return
      if (prefixStops(stored, end)) {
        if (end < shard_count) stored.stopped_at = end
        return
      }
      stored.looks_passed++
    }
  }

  /** Executes accepted shards again and replaces what is wrong, each shard once. @returns those that are there */
  correct(id: string, shards: readonly number[]): readonly number[] {
    const stored = this.get(id)
    if (stored.end !== undefined) return []
    for (const shard of shards) {
      const run = stored.singles.get(shard)
      // A hub may have lost the chunk before what it suspects became durable: others have done it again.
      if (run === undefined || !stored.wrong.has(shard)) continue
      if (stored.corrected.has(shard)) this.#fail(`shard ${shard} of ${id} is corrected twice`)
      stored.wrong.delete(shard)
      stored.corrected.add(shard)
      this.corrected++
      const retracted = workDone([{ ...run, count: 1 }], stored.owner, copiesPaid(stored.job.verify))
      for (const { computation, verification } of retracted) stored.paid -= computation + verification
    }
    return shards.filter((shard) => stored.isAccepted[shard] !== 0)
  }

  /** What a hub that makes the job's result reads. */
  basis(id: string): Basis {
    const { corrected, wrong, singles } = this.get(id)
    return { corrections: corrected.size, incidents: this.#incidentsOf(singles), wrong: new Set(wrong) }
  }

  #incidentsOf(singles: StoredJob['singles']): number {
    const agents = new Set([...singles.values()].flatMap(({ copies }) => copies.map(({ agent }) => agent)))
    return [...agents].filter((agent) => this.incidents.has(agent)).length
  }

  /** Shards of agents found wrong. */
  suspects(id: string): readonly { readonly shard: number; readonly agents: readonly string[] }[] {
    return [...this.get(id).singles]
      .map(([shard, { copies }]) => ({
        shard,
        agents: copies.map(({ agent }) => agent).filter((agent) => this.incidents.has(agent)),
      }))
      .filter(({ agents }) => agents.length > 0)
  }

  /**
   * Ends a job, if what its result rests on has not changed. @returns false when it has
   * @throws (by fail) when its result would miss a shard, or have one that was known to be doubtful
   */
  settle(id: string, basis: Basis): boolean {
    const stored = this.get(id)
    if (stored.end !== undefined) return true
    const now = this.basis(id)
    if (now.corrections !== basis.corrections || now.incidents !== basis.incidents) return false
    const end = stored.stopped_at ?? stored.job.shard_count
    if (stored.isAccepted.subarray(0, end).includes(0)) this.#fail(`${id} settles without all of its shards`)
    if (stored.paid > stored.accepted_count * copiesPaid(stored.job.verify))
      this.#fail(`${id} pays ${stored.paid} copies of ${stored.accepted_count} shards`)
    for (const shard of basis.wrong) {
      if (stored.corrected.has(shard))
        this.#fail(`${id} settles with shard ${shard} as it was before its correction`)
      if (stored.singles.get(shard)?.copies.some(({ agent }) => this.incidents.has(agent)) === true)
        this.#fail(`${id} settles with the wrong shard ${shard} of an agent that was found wrong`)
    }
    stored.end = 'settled'
    return true
  }
}

/** Whether the look at this prefix stops the job: a pure function of its leaves. */
function prefixStops({ truth }: StoredJob, end: number): boolean {
  let sum = 0
  for (let shard = 0; shard < end; shard++) sum += truth[32 * shard] ?? 0
  return sum % 3 === 0
}

/** Shards that a job's result covers, whatever happens: the first look that stops it. */
export function expectedStop(stored: StoredJob): number {
  const { look_ends, shard_count } = stored.job
  return look_ends.find((end) => prefixStops(stored, end)) ?? shard_count
}

function storedJob(job: SimJob): StoredJob {
  const truth = new Uint8Array(32 * job.shard_count)
  for (let shard = 0; shard < job.shard_count; shard++) truth.set(digestOf(job.index, shard, 0), 32 * shard)
  return {
    job,
    owner: job.owner,
    truth,
    isAccepted: new Uint8Array(job.shard_count),
    accepted_count: 0,
    chunks: Array.from({ length: Math.ceil(job.shard_count / job.chunk_shards) }, () => ({
      epoch: 0,
      expires_ms: 0,
      isDone: false,
    })),
    looks_passed: 0,
    stopped_at: undefined,
    end: undefined,
    paid: 0,
    singles: new Map(),
    wrong: new Set(),
    corrected: new Set(),
  }
}
