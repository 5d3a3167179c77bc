import type { LeaseOffer, UnsignedMessage } from '../../../kernel/protocol.ts'
import type { HubEvent } from '../core/events.ts'
import { plannedCopies } from '../core/verify-policy.ts'
import type { Listener, Network, SimHub } from './network.ts'
import { digestOf, LEAF_MAX_BYTES } from './random.ts'
import type { SimAgent } from './scenario.ts'

/** Salt of the results that colluding agents agree on; every other liar has one of his own. */
const COLLUSION = 0x0c0c
/** Leases after which a sleeper begins to lie. */
const SLEEPS = 4

/** One agent of a simulated network: it connects to some hub, works, lies, is lost, and comes back. */
export class AgentHost implements Listener {
  readonly agent: SimAgent
  readonly #number: number
  readonly #world: Network
  #hub: SimHub | undefined
  #life = 0
  #session = ''
  #leases = 0
  #lies = 0

  constructor(agent: SimAgent, number: number, world: Network) {
    this.#number = number
    this.agent = agent
    this.#world = world
  }

  connect(): void {
    const { random } = this.#world
    const hub = random.pick(this.#world.hubs)
    const { key, owner, network, executor, causes, memory_bytes } = this.agent
    const standing = this.#world.trust.admit(key, this.#world.queue.now_ms)
    if (!hub.isUp || standing === undefined) {
      this.#world.after(random.between(500, 3000), () => this.connect())
      return
    }
    this.#hub = hub
    this.#life = hub.life
    this.#session = this.#world.newSession(this)
    hub.tell({
      t: 'session.joined',
      session: { id: this.#session, agent: key, owner, network, executor, window: 2, causes, memory_bytes },
      claimed_speed: random.chance(0.5) ? undefined : 1e5 / this.agent.shard_ms,
      standing,
    })
    this.#tell({ t: 'session.listening', session: this.#session, after_lease: 0 })
    this.#watch(this.#session)
  }

  /** An agent notices after a while that its hub is gone. */
  #watch(session: string): void {
    this.#world.after(2500, () => {
      if (session !== this.#session) return
      if (this.#hub?.life === this.#life) this.#watch(session)
      else this.connect()
    })
  }

  dropped(session: string): void {
    if (session !== this.#session) return
    this.#session = ''
    this.#world.after(this.#world.random.between(500, 5000), () => {
      if (this.#session === '') this.connect()
    })
  }

  #tell(event: HubEvent): 'received' | 'not_held' | undefined {
    return this.#hub?.life === this.#life ? this.#hub.tell(event) : undefined
  }

  hear(session: string, message: UnsignedMessage): void {
    if (session !== this.#session || message.t !== 'lease') return
    const { random } = this.#world
    const { agent } = this
    this.#checkOffer(message)
    this.#leases++
    this.#world.leases++
    if (random.chance(agent.drops)) {
      this.#lose(session)
      return
    }
    if (random.chance(agent.pauses)) {
      this.#tell({ t: 'session.silent', session })
      this.#tell({ t: 'lease.released', session, lease_ids: [message.lease_id] })
      this.#world.after(random.between(1000, 8000), () => this.#resume(session))
      return
    }
    if (random.chance(agent.forges)) this.#forge(message)
    if (random.chance(agent.stalls)) return
    const took_ms = message.count * agent.shard_ms * random.between(0.5, 1.5)
    this.#answer(session, message, random.chance(agent.lates) ? 40_000 + took_ms : took_ms)
  }

  /** What it has not chosen, or cannot do, it is not asked for. */
  #checkOffer({ lease_id, contract_hash }: LeaseOffer): void {
    const { cause, memory_bytes, target } = this.#world.jobOf(contract_hash).job
    const { causes, executor, memory_bytes: own_bytes = Number.POSITIVE_INFINITY } = this.agent
    if (causes !== undefined && !causes.includes(cause))
      this.#world.fail(`lease ${lease_id} is of a cause that ${this.agent.key} has not chosen`)
    if (own_bytes < memory_bytes) this.#world.fail(`lease ${lease_id} is too large for ${this.agent.key}`)
    if (target !== 'any' && (target === 'gpu') !== (executor === 'webgpu'))
      this.#world.fail(`lease ${lease_id} is not meant for a ${executor}`)
  }

  #lose(session: string): void {
    const { random } = this.#world
    const isEnded = random.chance(0.2)
    this.#later(
      session,
      random.between(0, 500),
      isEnded ? { t: 'session.ended', session, reason: 'by its owner' } : { t: 'session.silent', session },
    )
    this.#world.after(random.between(0, 20_000), () => this.#resume(session))
  }

  #resume(session: string): void {
    if (session !== this.#session) return
    if (this.#hub?.state?.sessions.has(session) === true)
      this.#tell({ t: 'session.listening', session, after_lease: 0 })
    else this.connect()
  }

  #answer(session: string, { lease_id, first, count, contract_hash }: LeaseOffer, delay_ms: number): void {
    const { truth, job, compares } = this.#world.jobOf(contract_hash)
    const { index } = job
    let right = count
    let wrong = 0
    const digests = truth.slice(32 * first, 32 * (first + count))
    for (let offset = 0; offset < count; offset++) {
      const lie = this.#lie()
      if (lie === undefined) continue
      digests.set(digestOf(index, first + offset, lie), 32 * offset)
      wrong++
      if (compares && lie !== COLLUSION) right--
    }
    const leaves = Array.from({ length: count }, (_, at) => digests.subarray(32 * at, 32 * at + 32))
    if (this.#world.random.chance(this.agent.breaks)) {
      this.#later(session, delay_ms, {
        t: 'result.received',
        session,
        lease_id,
        ...this.#broken(digests, leaves),
      })
      return
    }
    // A lease that is offered again after an interruption may be answered twice, and either answer counts.
    this.#world.store.right.set(lease_id, Math.max(right, this.#world.store.right.get(lease_id) ?? 0))
    if (wrong === count) this.#world.store.lied.add(lease_id)
    const result = { t: 'result.received', session, lease_id, digests, leaves } as const
    this.#later(session, delay_ms, result)
    if (this.#world.random.chance(this.#world.scenario.duplicates))
      this.#later(session, delay_ms + 30, result)
  }

  /** What no honest agent returns: more than the lease has, less, too large, or leaves that are not those of their digests. */
  #broken(
    digests: Uint8Array,
    leaves: readonly Uint8Array[],
  ): { readonly digests: Uint8Array; readonly leaves: readonly Uint8Array[] } {
    const [last = digests] = leaves.slice(-1)
    const longer = new Uint8Array(digests.length + 32)
    longer.set(digests)
    longer.set(last, digests.length)
    const oversized = new Uint8Array(LEAF_MAX_BYTES + 1 + this.#world.random.below(1000))
    oversized.set(last)
    const corrupt = last.slice()
    corrupt[this.#world.random.below(32)] = (corrupt[0] ?? 0) ^ 0xff
    return this.#world.random.pick([
      { digests: longer, leaves: [...leaves, last] },
      { digests: longer, leaves },
      { digests: digests.subarray(0, digests.length - 32), leaves: leaves.slice(0, -1) },
      { digests, leaves: leaves.slice(0, -1) },
      { digests, leaves: [...leaves, last] },
      { digests, leaves: [...leaves.slice(0, -1), oversized] },
      { digests, leaves: [...leaves.slice(0, -1), corrupt] },
    ])
  }

  /** @returns the salt of a wrong result; undefined for the right one */
  #lie(): number | undefined {
    const { random } = this.#world
    switch (this.agent.honesty) {
      case 'honest':
        return undefined
      case 'independent':
        return random.chance(0.3) ? this.#ownLie() : undefined
      case 'sleeper':
        return this.#leases > SLEEPS && random.chance(0.5) ? this.#ownLie() : undefined
      case 'colluder':
        return COLLUSION
      default:
        return this.agent.honesty satisfies never
    }
  }

  /** A salt that no other agent has. */
  #ownLie(): number {
    this.#lies++
    return (this.#number + 1) * 1_000_003 + this.#lies
  }

  /** Answers a lease that another agent holds. */
  #forge({ contract_hash, count, first }: LeaseOffer): void {
    const leases = [...(this.#hub?.state?.leases.values() ?? [])]
    const foreign = leases.find((lease) => lease.session.id !== this.#session)
    if (foreign === undefined) return
    const { index } = this.#world.jobOf(contract_hash).job
    const digests = new Uint8Array(32 * foreign.count).fill(index + count + first)
    const leaves = Array.from({ length: foreign.count }, (_, at) => digests.subarray(32 * at, 32 * at + 32))
    const result = {
      t: 'result.received',
      session: this.#session,
      lease_id: foreign.id,
      digests,
      leaves,
    } as const
    const { life } = this.#hub ?? { life: 0 }
    const outcome = this.#tell(result)
    if (outcome === 'received' && life === this.#life)
      this.#world.fail(`the result of a lease of others is taken`)
    this.#tell({ t: 'lease.released', session: this.#session, lease_ids: [foreign.id] })
    const isStillHeld = this.#hub?.state?.leases.has(foreign.id) ?? true
    const wanted = plannedCopies(foreign.job.verify)
    if (!isStillHeld && wanted > 0 && outcome === 'not_held' && this.#hub?.life === this.#life)
      this.#world.fail(`a lease of others can be given back`)
  }

  #later(session: string, delay_ms: number, event: HubEvent): void {
    this.#world.after(delay_ms + this.#world.networkDelay(), () => {
      if (session === this.#session) this.#tell(event)
    })
  }
}
