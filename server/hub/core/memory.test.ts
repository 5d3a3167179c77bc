import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { newStanding } from '../../../kernel/verification/reputation.ts'
import type { HubEffect, HubEvent } from './events.ts'
import { admittedJob } from './job.test-support.ts'
import { startedState } from './state.test-support.ts'
import { step } from './step.ts'
import type { VerifyPolicy } from './verify-policy.ts'

/** What the core keeps of a job of millions of shards: the work in hand, nothing for each shard that is done. */

const CHUNK_SHARDS = 1024
const LEASE_SHARDS = 16
const AGENTS = 8
const SHARDS = 2 ** 30
/** Where memory has come to rest, and how much is done between the two looks at it. */
const WARM_LEASES = 5000
const LEASES = 20_000
/** One small object for each lease would be more: one of two numbers has 40 bytes. */
const GROWTH_BYTES = 24 * LEASES

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** One endless job and agents that are always right: a new key takes the place of another one now and then. */
class Mill {
  readonly #state = startedState({ lease_shards: LEASE_SHARDS })
  readonly #leaf = new Uint8Array(32)
  #now_ms = 0
  #chunks = 0
  #keys = 0
  /** Leases that agents have heard of. */
  readonly #given: { readonly session: string; readonly lease_id: string; readonly count: number }[] = []
  leases = 0

  constructor(verify: VerifyPolicy) {
    this.say({
      t: 'job.admitted',
      job: admittedJob({ shard_count: SHARDS, verify, expires_ms: 1e12 }),
    })
    for (let agent = 0; agent < AGENTS; agent++) this.#join()
  }

  #join(): void {
    const key = `key-${this.#keys++}`
    const standing = newStanding(100_000, 0, true)
    this.say({
      t: 'session.joined',
      session: { id: key, agent: key, owner: `owner-${key}`, executor: 'cpu', window: 2 },
      claimed_speed: 1e6,
      standing,
    })
    this.say({ t: 'session.listening', session: key, after_lease: 0 })
  }

  say(event: HubEvent): void {
    for (const effect of step(this.#state, event, this.#now_ms)) this.#do(effect)
  }

  #do(effect: HubEffect): void {
    switch (effect.t) {
      case 'send':
        if (effect.message.t === 'lease') this.#given.push({ ...effect.message, session: effect.session })
        return
      case 'persist':
        this.say({ ...effect, t: 'committed' })
        return
      case 'referee.run': {
        const { request, shards } = effect
        const leaves = shards.map(() => this.#leaf)
        this.say({ t: 'referee.done', request, digests: new Uint8Array(32 * shards.length), leaves })
        return
      }
      case 'chunk.claim': {
        const { job_id, wanted } = effect
        const chunks = Array.from({ length: wanted }, () => {
          const chunk = this.#chunks++
          return { chunk, first: chunk * CHUNK_SHARDS, count: CHUNK_SHARDS, epoch: 1, lease_ms: 60_000 }
        })
        this.say({
          t: 'chunks.claimed',
          job_id,
          chunks: chunks.map((chunk) => ({ ...chunk, accepted: [] })),
          exhausted: false,
        })
        return
      }
      default:
        return
    }
  }

  /** Answers leases in the order in which they were given. */
  grind(leases: number): void {
    for (const end = this.leases + leases; this.leases < end; this.leases++) {
      const lease = this.#given.shift()
      if (lease === undefined) throw new Error('nothing is leased')
      const { session, lease_id, count } = lease
      this.#now_ms += 2
      const digests = new Uint8Array(32 * count)
      const leaves = new Array(count).fill(this.#leaf)
      this.say({ t: 'result.received', session, lease_id, digests, leaves })
      if (this.leases % 128 === 0) this.say({ t: 'tick' })
      if (this.leases % 1000 !== 0) continue
      this.say({ t: 'session.ended', session, reason: 'somebody else comes' })
      for (let at = this.#given.length - 1; at >= 0; at--)
        if (this.#given[at]?.session === session) this.#given.splice(at, 1)
      this.#join()
    }
  }

  get held(): number {
    return this.#state.leases.size
  }

  get openChunks(): number {
    return this.#state.jobs.get('job')?.chunks.size ?? 0
  }
}

function usedBytes(): number {
  // Buffers are freed some time after the collection that found them unused.
  for (let round = 0; round < 3; round++) collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

it.each<VerifyPolicy>([
  { mode: 'none' },
  { mode: 'spotcheck', rate: 0.05 },
  { mode: 'adaptive', epsilon: 1e-4 },
  { mode: 'quorum', k: 2 },
])('the core keeps nothing of shards that are done, under $mode', { timeout: 60_000 }, (verify) => {
  const mill = new Mill(verify)
  mill.grind(WARM_LEASES)
  const before = usedBytes()
  mill.grind(LEASES)
  expect(usedBytes() - before).toBeLessThan(GROWTH_BYTES)
  expect(mill.held).toBeLessThanOrEqual(2 * AGENTS)
  expect(mill.openChunks).toBeLessThan(20)
})
