import type { HexDigest } from '../../kernel/digest.ts'
import { keyIdOf, type RecordKey } from '../../kernel/evidence/envelope.ts'
import {
  LEASE_BATCH_MAX,
  type Lease,
  type LeaseProof,
  leaseBatchBytes,
  leaseDigest,
  leaseOf,
} from '../../kernel/lease.ts'
import { merkleLeafHash, merkleNodeHash } from '../../kernel/merkle.ts'
import { inclusionProof, rootOf, type SubtreeHash } from '../../kernel/merkle-proof.ts'
import type { LeaseMessage, LeaseOffer } from '../../kernel/protocol.ts'

interface Waiting {
  readonly digest: Uint8Array
  readonly signed: (proof: LeaseProof) => void
  readonly failed: (error: unknown) => void
}

/**
 * Signs the leases that leave in one turn of the event loop with one signature: the more leases a second, the less each
 * costs. A signature alone takes about 40 µs of the loop, a lease of a full batch about 15.
 */
export class LeaseSigner {
  /** Id of the key. */
  readonly hub: HexDigest
  readonly publicKey: Uint8Array<ArrayBuffer>
  readonly #key: RecordKey
  #waiting: Waiting[] = []

  constructor(key: RecordKey) {
    this.#key = key
    this.hub = keyIdOf(key.publicKey)
    this.publicKey = new Uint8Array(key.publicKey)
  }

  sign(lease: Lease): Promise<LeaseProof> {
    return new Promise((signed, failed) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#flush())
      this.#waiting.push({ digest: leaseDigest(lease), signed, failed })
    })
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (let at = 0; at < waiting.length; at += LEASE_BATCH_MAX)
      void this.#signBatch(waiting.slice(at, at + LEASE_BATCH_MAX))
  }

  async #signBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const proofs = await signLeases(
        batch.map(({ digest }) => digest),
        this.#key,
      )
      for (const [at, { signed }] of batch.entries()) signed(proofs[at] as LeaseProof)
    } catch (error) {
      for (const { failed } of batch) failed(error)
    }
  }
}

/** A signer for each key: sessions keep the key that they began with when the hub's key is replaced. */
export class LeaseSigners {
  readonly #signers = new Map<HexDigest, LeaseSigner>()

  of(key: RecordKey): LeaseSigner {
    const known = this.#signers.get(keyIdOf(key.publicKey))
    if (known !== undefined) return known
    const signer = new LeaseSigner(key)
    this.#signers.set(signer.hub, signer)
    return signer
  }
}

/** What an agent is told of a lease, signed for it. */
export async function signedLease(
  offer: LeaseOffer,
  { agent, signer }: { readonly agent: HexDigest; readonly signer: LeaseSigner },
): Promise<LeaseMessage> {
  const proof = await signer.sign(leaseOf(offer, { job_id: offer.job_id, agent, hub: signer.hub }))
  return { ...offer, proof }
}

/** @param digests of 1 to LEASE_BATCH_MAX leases. @returns a proof for each, in their order */
export async function signLeases(
  digests: readonly Uint8Array[],
  key: Pick<RecordKey, 'sign'>,
): Promise<readonly LeaseProof[]> {
  const size = digests.length
  const levels = [digests.map(merkleLeafHash)]
  for (let below = levels[0] ?? []; below.length > 1; below = levels.at(-1) ?? [])
    levels.push(
      Array.from({ length: below.length >> 1 }, (_, at) =>
        merkleNodeHash(below[2 * at] as Uint8Array, below[2 * at + 1] as Uint8Array),
      ),
    )
  const subtree: SubtreeHash = (level, index) => levels[level]?.[index] as Uint8Array
  const signature = await key.sign(leaseBatchBytes(rootOf(size, subtree), size))
  return digests.map((_, index) => ({
    index,
    size,
    path: new Uint8Array(Buffer.concat(inclusionProof(index, size, subtree))),
    signature: new Uint8Array(signature),
  }))
}
