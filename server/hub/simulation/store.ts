import type { AcceptedRun } from '../../../kernel/acceptance.ts'
import { workDone } from '../../../kernel/bill.ts'
import type { ExecutorKind } from '../../../kernel/receipt.ts'
import type { ClaimedChunk, Credit, HubEffect } from '../core/events.ts'
import { copiesPaid } from '../core/verify-policy.ts'
import { type Incident, type Word, wordKey } from '../doubtful-shards.ts'
import { type Basis, checkRun, checkSettlement, type Fail, isExplained } from './oracle.ts'
import type { Scenario, SimAgent } from './scenario.ts'
import { joined, prefixStops, type StoredJob, storedJob } from './stored-job.ts'

/**
 * The database of a simulated network: accepted shards, money and the chunk queue, which outlive every hub. It refuses
 * what an earlier owner of a chunk writes, and has the oracle look at what it takes.
 */

export type Persist = Extract<HubEffect, { readonly t: 'persist' }>

export class Store {
  readonly jobs = new Map<string, StoredJob>()
  /** Shards of each lease that are durable and that its agent may be told of. */
  readonly credited = new Map<string, number>()
  /** Shards of each answered lease that may be paid: those that no lie would have to be caught for. */
  readonly right = new Map<string, number>()
  /** Leases whose answers are wrong throughout. */
  readonly lied = new Set<string>()
  fenced = 0
  /** Wrong shards that were ever accepted, those replaced among them, and canaries answered. */
  wrong = 0
  replaced = 0
  canaries = 0
  canaries_bad = 0
  /** Agents that some hub has found wrong, with their executors, each time. */
  readonly #incidents: Incident[] = []
  readonly #agents: ReadonlyMap<string, SimAgent>
  readonly #fail: Fail
  readonly #commits = new Map<number, boolean>()

  constructor({ jobs, agents }: Scenario, fail: Fail) {
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
    if (persist.canaries !== undefined) {
      this.#commits.set(number, true)
      this.#answer(persist)
      return true
    }
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

  /** A canary is paid and counted, and nothing of it is accepted. */
  #answer({ runs, canaries = [], credits, shard_count }: Persist): void {
    if (runs.length > 0 || shard_count > 0) this.#fail("a canary's answer is accepted")
    for (const { lease_id, isRight } of canaries) {
      this.canaries++
      if (!isRight) this.canaries_bad++
      if (isRight && this.lied.has(lease_id)) this.#fail(`canary ${lease_id} is passed with wrong answers`)
    }
    for (const { lease_id, shards } of credits)
      this.credited.set(lease_id, (this.credited.get(lease_id) ?? 0) + shards)
  }

  /**
   * The referee executes accepted shards again, and what was wrong is replaced.
   * @returns those that are durable: the others are done again by whoever has their chunk now
   */
  recheck(id: string, shards: readonly number[]): readonly number[] {
    const stored = this.get(id)
    if (stored.end !== undefined) return []
    const durable = shards.filter((shard) => stored.isAccepted[shard] !== 0)
    for (const shard of durable) {
      stored.doubted.delete(shard)
      stored.rechecked.add(shard)
      if (stored.isWrong[shard] === 0) continue
      stored.isWrong[shard] = 0
      stored.corrections++
      this.replaced++
    }
    return durable
  }

  /** An agent was found wrong: what is durable on its word alone is doubted. */
  doubt(agent: string, executor: ExecutorKind): void {
    this.#incidents.push({ id: this.#incidents.length, agent, executor })
    for (const stored of this.jobs.values()) {
      if (stored.end !== undefined || stored.job.verify.mode === 'none') continue
      for (const [shard, word] of stored.single.entries())
        if (word?.agent === agent && word.executor === executor && !stored.rechecked.has(shard))
          stored.doubted.add(shard)
    }
  }

  /** Who has ever been found wrong. */
  wrongWords(): ReadonlyMap<string, Word> {
    return new Map(this.#incidents.map((word) => [wordKey(word), word]))
  }

  /** What a hub reads that makes the job's result. */
  basis(id: string): Basis {
    const { corrections, single, isWrong } = this.get(id)
    const agents = new Set(single.map((word) => word?.agent))
    return {
      corrections,
      incidents: this.#incidents.filter(({ agent }) => agents.has(agent)),
      wrong: [...isWrong.keys()].filter((shard) => isWrong[shard] !== 0),
    }
  }

  /** Rows of shards that were accepted on one word. */
  singleRuns(
    id: string,
  ): readonly (Pick<AcceptedRun, 'first' | 'count' | 'method'> & { copies: readonly Word[] })[] {
    return joined(this.get(id).single).map(({ word, first, count }) => ({
      ...{ first, count, method: 'single' },
      copies: [word],
    }))
  }

  #credit({ lease_id, shards }: Credit): void {
    const credited = (this.credited.get(lease_id) ?? 0) + shards
    this.credited.set(lease_id, credited)
    if (credited > (this.right.get(lease_id) ?? 0))
      this.#fail(`lease ${lease_id} is credited with ${credited} shards, of which fewer are right`)
  }

  #accept(stored: StoredJob, run: AcceptedRun): void {
    checkRun(stored.job, run, this.#fail)
    for (let offset = 0; offset < run.count; offset++) {
      const shard = run.first + offset
      if (stored.isAccepted[shard] !== 0) this.#fail(`shard ${shard} of ${stored.job.id} was accepted twice`)
      stored.isAccepted[shard] = 1
      const [only] = run.copies
      stored.single[shard] = run.method === 'single' ? only : undefined
      // Its hub has not heard of it, or the commit was under way.
      if (run.method === 'single' && stored.job.verify.mode !== 'none' && this.#wasWrong(only))
        stored.doubted.add(shard)
      stored.accepted_count++
      for (let at = 0; at < 32; at++) {
        if (run.digests[32 * offset + at] === stored.truth[32 * shard + at]) continue
        this.wrong++
        if (!isExplained(run, this.#agents))
          this.#fail(`a wrong digest of shard ${shard} of ${stored.job.id} was accepted by ${run.method}`)
        stored.isWrong[shard] = 1
        break
      }
    }
  }

  #wasWrong(word: Word | undefined): boolean {
    return this.#incidents.some(({ agent, executor }) => agent === word?.agent && executor === word.executor)
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

  /**
   * Ends a job, if what its result rests on is still so. @returns false when it is not
   * @throws (by fail) what `checkSettlement` does
   */
  settle(id: string, basis: Basis): boolean {
    const stored = this.get(id)
    if (stored.end !== undefined) return true
    const now = this.basis(id)
    if (now.corrections !== basis.corrections || now.incidents.length !== basis.incidents.length) return false
    checkSettlement(stored, basis, this.#fail)
    stored.end = 'settled'
    return true
  }
}
