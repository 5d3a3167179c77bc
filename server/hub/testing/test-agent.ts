import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import { getPublicKeyAsync, signAsync, utils } from '@noble/ed25519'
import { canonicalJson } from '../../../kernel/canonical.ts'
import { bytesToHex, sha256, sha256Hex } from '../../../kernel/digest.ts'
import { invariant } from '../../../kernel/errors.ts'
import type { PreparedJob } from '../../../kernel/job.ts'
import { type Lease, leaseDigest, leaseOf } from '../../../kernel/lease.ts'
import { merkleRootOfDigests } from '../../../kernel/merkle.ts'
import { OPS } from '../../../kernel/ops/registry.ts'
import {
  type EnrolOutput,
  type HubMessage,
  type LeaseMessage,
  PROTOCOL_VERSION,
  type ResultInput,
  type ResultOutput,
} from '../../../kernel/protocol.ts'
import { receiptBytes } from '../../../kernel/receipt.ts'
import type { BlobStore } from '../../memory/ports/blobs.ts'
import type { OwnerRow } from '../../memory/ports/owners.ts'
import type { Hub } from '../hub.ts'
import { readBlob } from '../intake.ts'
import { once } from '../job-runtime.ts'
import { hear } from './hear.ts'
import { leafOf } from './leaves.ts'

export const SOFTWARE = 'test/1'

/** The result that one machine alone computes, up to where it stops early. */
export function expectedDigest(
  job: PreparedJob,
  inputs: ReadonlyMap<string, Uint8Array> = new Map(),
): string {
  const aggregate = job.newAggregate()
  for (let shard = 0; aggregate.covered === undefined; shard++)
    aggregate.add(shard, leafOf(job, shard, inputs))
  return sha256Hex(canonicalJson(aggregate.finish().result))
}

export interface Behaviour {
  /** Changes a leaf before it is hashed. */
  readonly corrupt?: (leaf: Uint8Array, shard: number) => Uint8Array
  /** From this lease on, counted from 1, its receipts do not fit their signature. */
  readonly badSignatureFrom?: number
  /** Waits before it answers a lease, counted from 1. */
  readonly before?: (lease: number) => Promise<unknown>
  /** Signs a receipt for another lease than it was given. */
  readonly bentLease?: (lease: Lease) => Lease
  /** Sends each result so many times at once. */
  readonly copies?: number
  /** Answers at most so many leases. */
  readonly leases?: number
  /** Families of ops that its contributor chose. */
  readonly causes?: readonly string[]
}

/** An agent that speaks to the hub directly, with real arithmetic and real receipts. */
export class TestAgent {
  readonly heard: HubMessage[] = []
  /** What the hub answered to results that it did not refuse, as it came. */
  readonly outcomes: ResultOutput['outcome'][] = []
  /** The end of its work. */
  over: Promise<void> = Promise.resolve()
  readonly #hub: Hub
  #enrolment: EnrolOutput | undefined
  readonly #blobs: BlobStore
  readonly #secret: Uint8Array
  readonly #stop = new AbortController()
  #answered = 0

  /** @param again an agent whose key this one has as well */
  constructor(hub: Hub, blobs: BlobStore, again?: TestAgent) {
    this.#hub = hub
    this.#blobs = blobs
    this.#secret = again === undefined ? utils.randomSecretKey() : again.#secret
  }

  async publicKey(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await getPublicKeyAsync(this.#secret))
  }

  /** What the hub answered when it enrolled. */
  get enrolment(): EnrolOutput {
    invariant(this.#enrolment !== undefined, 'the agent has enrolled')
    return this.#enrolment
  }

  /** Enrols, and works from now on until it is stopped or the hub ends its session. @throws ForgeError when it may not enrol */
  async start(owner: OwnerRow, behaviour: Behaviour = {}): Promise<void> {
    const enrolled = await this.#hub.enrol(
      {
        v: PROTOCOL_VERSION,
        public_key: await this.publicKey(),
        executor: { kind: 'cpu', label: owner.label },
        software: SOFTWARE,
        window: 2,
        ...(behaviour.causes === undefined ? {} : { causes: [...behaviour.causes] }),
      },
      { ownerId: owner.id, ownerLabel: owner.label },
    )
    this.#enrolment = enrolled
    this.over = this.#work(enrolled, behaviour)
    // Not every test waits for it.
    this.over.catch(() => {})
  }

  async #work(enrolled: EnrolOutput, behaviour: Behaviour): Promise<void> {
    const { signal } = this.#stop
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    for await (const message of hear(this.#hub, enrolled.session, signal)) {
      this.heard.push(message)
      if (message.t !== 'lease') continue
      if (this.#answered++ >= (behaviour.leases ?? Number.POSITIVE_INFINITY)) continue
      // Neither what it waits for nor a hub that is dead keeps it from ending.
      await Promise.race([behaviour.before?.(this.#answered), stopped])
      if (signal.aborted) return
      await Promise.race([this.#answer(enrolled, message, behaviour).catch(() => {}), stopped])
    }
  }

  get session(): string {
    return this.enrolment.session
  }

  /** The leases that it has heard of, answered or not. */
  get leases(): readonly LeaseMessage[] {
    return this.heard.filter((message) => message.t === 'lease')
  }

  stop(): void {
    this.#stop.abort()
  }

  async #answer(
    { session, agent_id, hub_key }: EnrolOutput,
    lease: LeaseMessage,
    behaviour: Behaviour,
  ): Promise<void> {
    const { canonical } = await this.#hub.contract(session, lease.contract_hash)
    invariant(sha256Hex(canonical) === lease.contract_hash, 'the contract is the one that was leased')
    const job = OPS.prepare(JSON.parse(canonical))
    const inputs = new Map<string, Uint8Array>()
    for (const [name, { digest }] of Object.entries(job.contract.inputs))
      inputs.set(name, await readBlob(this.#blobs, digest))
    const leaves: Uint8Array<ArrayBuffer>[] = []
    const digests = new Uint8Array(32 * lease.count)
    for (let offset = 0; offset < lease.count; offset++) {
      // Hub and database connections are in this process too: a slow machine would hold them up for seconds.
      await nextTurn()
      const leaf = leafOf(job, lease.first + offset, inputs)
      const given = new Uint8Array(behaviour.corrupt?.(leaf, lease.first + offset) ?? leaf)
      if (job.plan.leaf.kind === 'blob') await this.#blobs.put(once(given))
      else leaves.push(given)
      digests.set(sha256(given), 32 * offset)
    }
    const root = new Uint8Array(merkleRootOfDigests(digests))
    const leased = leaseOf(lease, { job_id: lease.job_id, agent: agent_id, hub: sha256Hex(hub_key) })
    const signature = new Uint8Array(
      await signAsync(
        receiptBytes({
          receipt: 2,
          lease_id: lease.lease_id,
          epoch: lease.epoch,
          contract_hash: lease.contract_hash,
          plan_digest: lease.plan_digest,
          first: lease.first,
          count: lease.count,
          result_root: Buffer.from(root).toString('hex'),
          executor: 'cpu',
          lease: bytesToHex(leaseDigest(behaviour.bentLease?.(leased) ?? leased)),
          software:
            this.#answered >= (behaviour.badSignatureFrom ?? Number.POSITIVE_INFINITY)
              ? 'another/1'
              : SOFTWARE,
        }),
        this.#secret,
      ),
    )
    const result: ResultInput = {
      v: PROTOCOL_VERSION,
      session,
      lease_id: lease.lease_id,
      epoch: lease.epoch,
      executor: 'cpu',
      digests,
      result_root: root,
      leaves,
      elapsed_ms: 1,
      signature,
    }
    const send = async () => this.outcomes.push((await this.#hub.result(result)).outcome)
    await Promise.all(Array.from({ length: behaviour.copies ?? 1 }, send))
  }
}

/** So often a test looks whether something has come about: asking without a pause would starve what it waits for. */
const LOOK_MS = 5

/** Asks again and again until there is an answer; the test's own time-out ends it. */
export async function eventually<T>(ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    await pause(LOOK_MS)
  }
}

/** Waits until the condition holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  await eventually(async () => ((await holds()) ? true : undefined))
}
