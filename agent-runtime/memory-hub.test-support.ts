import { createChallenge, randomInt } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2'
import { sha256Hex } from '../kernel/digest.ts'
import { ForgeError } from '../kernel/errors.ts'
import { makeKey } from '../kernel/evidence/sample.test-support.ts'
import type { PreparedJob } from '../kernel/job.ts'
import { type Lease, leaseBatchBytes, leaseDigest, leaseOf } from '../kernel/lease.ts'
import { merkleLeafHash } from '../kernel/merkle.ts'
import {
  contractInput,
  type EnrolInput,
  enrolInput,
  type LeaseMessage,
  type LeaseOffer,
  leasesInput,
  type ReleaseInput,
  type ResultInput,
  releaseInput,
  resultInput,
} from '../kernel/protocol.ts'
import type { BlobTransport } from './blobs.ts'
import type { HubTransport, SubscriptionHandlers } from './hub-transport.ts'
import type { HubTrust } from './hub-trust.ts'

interface Subscription {
  readonly session: string
  readonly handlers: SubscriptionHandlers
}

interface Event {
  readonly id: string
  readonly message: unknown
}

/**
 * A hub in memory that speaks the real protocol: it parses every call with the schemas of kernel/protocol.ts, keeps a
 * log of tracked messages for each session and sends what an agent missed when it resumes.
 */
export class MemoryHub implements HubTransport, BlobTransport, HubTrust {
  /** The key that it names, and the one that signs its leases. */
  key = makeKey()
  signingKey = this.key
  /** Changes what is signed, not what is said. */
  bend: (lease: Lease) => Lease = (lease) => lease
  /** Why an agent does not trust its key. */
  untrusted: ForgeError | undefined
  /** What the check of its key waits for. */
  checking: Promise<void> = Promise.resolve()
  readonly job_id = '0d4c7a52-3f0e-4b52-8f5e-9f1f2b3c4d5e'
  epoch = 1
  /** Refuses connections while true. */
  down = false
  readonly calls: string[] = []
  readonly enrolled: EnrolInput[] = []
  readonly results: ResultInput[] = []
  readonly releases: ReleaseInput[] = []
  readonly blobs = new Map<string, Uint8Array>()
  connections = 0
  enrolments = 0
  /** Enrolments without a solved challenge are refused while true. */
  asksForWork = false
  /** Changes the answer to a call; undefined leaves it. */
  tamper: (path: string) => unknown = () => undefined
  readonly #contracts = new Map<string, string>()
  readonly #log = new Map<string, Event[]>()
  readonly #open = new Set<(error: ForgeError) => void>()
  #subscription: Subscription | undefined
  #events = 0
  #leases = 0
  readonly #waiting: { readonly done: () => boolean; readonly resolve: () => void }[] = []

  get subscribed(): boolean {
    return this.#subscription !== undefined
  }

  async connect(onClosed: (error: ForgeError) => void) {
    this.calls.push('connect')
    if (this.down) throw new ForgeError('UNAVAILABLE', 'the hub is down')
    this.connections++
    const mine = onClosed
    this.#open.add(mine)
    return {
      call: async (_: string, path: string, input: unknown) => {
        if (!this.#open.has(mine)) throw new ForgeError('UNAVAILABLE', 'closed')
        this.calls.push(path)
        const answer = await this.#answer(path, input)
        this.#notify()
        return this.tamper(path) ?? answer
      },
      subscribe: (_: string, input: unknown, handlers: SubscriptionHandlers) => {
        const { session, lastEventId } = leasesInput.parse(input)
        this.calls.push(`hub.leases after ${lastEventId ?? 'nothing'}`)
        const log = this.#log.get(session)
        if (log === undefined) {
          queueMicrotask(() => handlers.ended(new ForgeError('UNAUTHENTICATED', 'this session is not known')))
          return () => {}
        }
        const subscription = { session, handlers }
        this.#subscription = subscription
        const seen = log.findIndex(({ id }) => id === lastEventId)
        for (const { id, message } of log.slice(seen + 1))
          queueMicrotask(() => handlers.data({ id, data: message }))
        this.#notify()
        return () => {
          if (this.#subscription === subscription) this.#subscription = undefined
        }
      },
      close: () => {
        this.#open.delete(mine)
      },
    }
  }

  async get(digest: string) {
    const bytes = this.blobs.get(digest)
    if (bytes === undefined) throw new ForgeError('NOT_FOUND', `no blob ${digest}`)
    this.calls.push('blob.get')
    return bytes
  }

  async put(digest: string, bytes: Uint8Array) {
    if (sha256Hex(bytes) !== digest) throw new ForgeError('DIGEST_MISMATCH', 'other bytes')
    this.calls.push('blob.put')
    this.blobs.set(digest, bytes)
  }

  /** Offers a lease to the agent that enrolled last. @returns its id */
  lease(job: PreparedJob, first: number, count: number, more: Record<string, unknown> = {}): string {
    this.#contracts.set(job.contractHash, job.canonical)
    const lease_id = `${this.epoch}-${++this.#leases}`
    this.say(
      this.#signed({
        t: 'lease',
        lease_id,
        epoch: this.epoch,
        job_id: this.job_id,
        contract_hash: job.contractHash,
        plan_digest: job.planDigest,
        first,
        count,
        deadline_ms: 60_000,
        ...more,
      }),
    )
    return lease_id
  }

  #signed(offer: LeaseOffer): LeaseMessage {
    const agent = sha256Hex(this.enrolled.at(-1)?.public_key ?? new Uint8Array())
    const lease = leaseOf(offer, { job_id: offer.job_id, agent, hub: sha256Hex(this.key.publicKey) })
    const root = merkleLeafHash(leaseDigest(this.bend(lease)))
    const signature = new Uint8Array(this.signingKey.sign(leaseBatchBytes(root, 1)))
    return { ...offer, proof: { index: 0, size: 1, path: new Uint8Array(0), signature } }
  }

  async check(_key: Uint8Array) {
    await this.checking
    if (this.untrusted !== undefined) throw this.untrusted
  }

  /** Sends any message, right or wrong. */
  say(message: unknown): void {
    const session = `session-${this.enrolments}`
    const event = { id: `event-${++this.#events}`, message }
    this.#log.get(session)?.push(event)
    if (this.#subscription?.session === session)
      this.#subscription.handlers.data({ id: event.id, data: message })
  }

  /** Cuts every connection; sessions are kept. */
  cut(): void {
    this.#subscription = undefined
    for (const onClosed of [...this.#open]) {
      this.#open.delete(onClosed)
      onClosed(new ForgeError('UNAVAILABLE', 'the connection was cut'))
    }
  }

  /** Another life: sessions are forgotten. */
  restart(): void {
    this.epoch++
    this.#log.clear()
    this.cut()
  }

  /** Resolves when `done` holds; looked at after each call of the agent. */
  until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ done, resolve }))
  }

  #notify(): void {
    queueMicrotask(() => {
      for (const entry of [...this.#waiting]) {
        if (!entry.done()) continue
        this.#waiting.splice(this.#waiting.indexOf(entry), 1)
        entry.resolve()
      }
    })
  }

  #answer(path: string, input: unknown): unknown {
    switch (path) {
      case 'hub.challenge':
        return newChallenge()
      case 'hub.enrol': {
        const enrolment = enrolInput.parse(input)
        const { public_key } = enrolment
        if (this.asksForWork && enrolment.challenge === undefined)
          throw new ForgeError('CHALLENGE_REQUIRED', 'solve a challenge first')
        this.enrolled.push(enrolment)
        const session = `session-${++this.enrolments}`
        this.#log.set(session, [])
        return {
          session,
          agent_id: sha256Hex(public_key),
          owner: 'network 127.0.0.0/24',
          epoch: this.epoch,
          hub_key: this.key.publicKey,
        }
      }
      case 'hub.contract': {
        const { contract_hash } = contractInput.parse(input)
        return { canonical: this.#contracts.get(contract_hash) }
      }
      case 'hub.result': {
        const result = resultInput.parse(input)
        this.#known(result.session)
        this.results.push(result)
        return { outcome: result.epoch === this.epoch ? 'received' : 'not_held' }
      }
      case 'hub.release': {
        const release = releaseInput.parse(input)
        this.#known(release.session)
        this.releases.push(release)
        return undefined
      }
      default:
        throw new ForgeError('NOT_FOUND', path)
    }
  }

  #known(session: string): void {
    if (!this.#log.has(session)) throw new ForgeError('UNAUTHENTICATED', 'this session is not known')
  }
}

/** A real challenge that is solved at once, as it comes off the wire. */
async function newChallenge(): Promise<unknown> {
  const challenge = await createChallenge({
    algorithm: 'PBKDF2/SHA-256',
    cost: 10,
    counter: randomInt(20, 10),
    deriveKey,
    expiresAt: 4_102_444_800,
    hmacSignatureSecret: 'a secret of this test',
    hmacKeySignatureSecret: 'another one',
  })
  return JSON.parse(JSON.stringify(challenge))
}
