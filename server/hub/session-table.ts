import type { AgentView, NetworkView } from '../../kernel/api.ts'
import type { HexDigest } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { EnrolInput, LeaseMessage, LeaseOffer, UnsignedMessage } from '../../kernel/protocol.ts'
import type { ExecutorKind } from '../../kernel/receipt.ts'
import type { Credit } from './core/events.ts'
import { HUB } from './core/limits.ts'
import { requireStrictKey } from './intake.ts'
import { type LeaseSigner, signedLease } from './lease-signer.ts'
import { Outbox } from './outbox.ts'

/** The partner's site in whose page an agent runs, and the visitor's consent to it by the hash of its token. */
export interface SiteConnection {
  readonly siteId: string
  readonly consent: HexDigest
}

/** For whom an agent speaks: kept as long as its session, so that whoever ends sessions can choose by it. */
export interface SessionConnection {
  readonly ownerId: string
  readonly ownerLabel: string
  /** Prefix of the public address that it speaks from; undefined: not known. */
  readonly network?: string | undefined
  readonly tokenId?: string | undefined
  readonly site?: SiteConnection | undefined
}

/** The shell's side of an agent's session: what the core does not need to decide. */
export class ShellSession {
  readonly id: string
  readonly agent: string
  readonly connection: SessionConnection
  readonly executor: ExecutorKind
  readonly label: string
  readonly software: string
  /** Undefined: all. */
  readonly causes: readonly string[] | undefined
  readonly signer: LeaseSigner
  readonly outbox: Outbox
  /** Of the wall clock. */
  readonly connected_ms = Date.now()
  shards = 0
  leases = 0
  /** A character a byte: a view would keep the whole message alive, and takes several times as much. */
  readonly #publicKey: string

  /** @throws ForgeError MESSAGE_INVALID when the key is none */
  constructor(
    id: string,
    agent: string,
    connection: SessionConnection,
    input: Pick<EnrolInput, 'executor' | 'software' | 'causes' | 'public_key'>,
    signer: LeaseSigner,
  ) {
    // Refused now, not with the first result.
    requireStrictKey(input.public_key)
    this.id = id
    this.agent = agent
    this.connection = connection
    this.executor = input.executor.kind
    this.label = input.executor.label
    this.software = input.software
    this.causes = input.causes
    this.signer = signer
    this.outbox = new Outbox(this)
    this.#publicKey = Buffer.from(input.public_key).toString('latin1')
  }

  /** 32 bytes, made anew each time. */
  get publicKey(): Uint8Array {
    return new Uint8Array(Buffer.from(this.#publicKey, 'latin1'))
  }

  sign(offer: LeaseOffer): Promise<LeaseMessage> {
    return signedLease(offer, this)
  }
}

export class SessionTable {
  readonly #sessions = new Map<string, ShellSession>()

  /** @throws ForgeError RATE_LIMITED when the table is full, MESSAGE_INVALID when the key is none */
  add(
    id: string,
    agent: string,
    connection: SessionConnection,
    input: EnrolInput,
    signer: LeaseSigner,
  ): void {
    if (this.#sessions.size >= HUB.sessions)
      throw new ForgeError('RATE_LIMITED', 'this hub has no room for another agent', {
        hint: 'Try again in a minute.',
      })
    this.#sessions.set(id, new ShellSession(id, agent, connection, input, signer))
  }

  /** Those of agents in the pages of partners' sites. */
  connections(): readonly (SessionConnection & { readonly agent: string })[] {
    const embedded: (SessionConnection & { readonly agent: string })[] = []
    for (const { connection, agent } of this.#sessions.values())
      if (connection.site !== undefined) embedded.push({ ...connection, agent })
    return embedded
  }

  has(id: string): boolean {
    return this.#sessions.has(id)
  }

  /** @throws ForgeError UNAUTHENTICATED */
  get(id: string): ShellSession {
    const session = this.#sessions.get(id)
    if (session === undefined)
      throw new ForgeError('UNAUTHENTICATED', 'this session is not known', { hint: 'Enrol again.' })
    return session
  }

  send(id: string, tracked: string, message: UnsignedMessage): void {
    const session = this.#sessions.get(id)
    if (session === undefined) return
    if (message.t === 'lease') session.leases++
    session.outbox.push(tracked, message)
  }

  credit(credits: readonly Credit[]): void {
    for (const { session, shards } of credits) {
      const found = this.#sessions.get(session)
      if (found !== undefined) found.shards += shards
    }
  }

  remove(id: string): void {
    this.#sessions.get(id)?.outbox.finish()
    this.#sessions.delete(id)
  }

  closeAll(): void {
    for (const id of [...this.#sessions.keys()]) this.remove(id)
  }

  /** @returns ids of the sessions that `which` names */
  idsOf(which: (session: SessionConnection & { readonly agent: string }) => boolean): readonly string[] {
    return [...this.#sessions.values()]
      .filter(({ connection, agent }) => which({ ...connection, agent }))
      .map(({ id }) => id)
  }

  counts(): Pick<NetworkView, 'agents' | 'owners' | 'agents_by_executor'> {
    const agents_by_executor = { webgpu: 0, wasm: 0, cpu: 0 }
    const owners = new Set<string>()
    for (const session of this.#sessions.values()) {
      agents_by_executor[session.executor]++
      owners.add(session.connection.ownerId)
    }
    return { agents: this.#sessions.size, owners: owners.size, agents_by_executor }
  }

  /** @param viewer the owner who asks; undefined for somebody who is nobody's owner */
  views(viewer: string | undefined): readonly AgentView[] {
    return [...this.#sessions.values()].map((session) => ({
      id: session.agent,
      owner: session.connection.ownerId === viewer ? session.connection.ownerLabel : null,
      executor: session.executor,
      label: session.label,
      causes: session.connection.ownerId === viewer ? (session.causes?.slice() ?? null) : null,
      connected_at: new Date(session.connected_ms).toISOString(),
      shards: session.shards,
      leases: session.leases,
    }))
  }
}
