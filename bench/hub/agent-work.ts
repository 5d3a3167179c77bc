import { bytesToHex, sha256 } from '../../kernel/digest.ts'
import { merkleRootOfDigests } from '../../kernel/merkle.ts'
import { RECORDED, record } from './gbm-record.ts'
import { packedLeaves } from './result-frame.ts'
import { LEAVES, ROWS } from './tiny-op.ts'

/** What agents return for a lease, ready to be sent: made once for each place in the table of leaves. */
export interface PreparedResult {
  readonly digests: Uint8Array
  readonly root: Uint8Array
  readonly root_hex: string
  readonly leaves: Uint8Array
}

export class AgentWork {
  readonly #leaves: readonly Uint8Array[]
  readonly #digests: readonly Uint8Array[]
  readonly #prepared = new Map<number, PreparedResult>()

  private constructor(leaves: readonly Uint8Array[], digests: readonly Uint8Array[]) {
    this.#leaves = leaves
    this.#digests = digests
  }

  static tiny(): AgentWork {
    return new AgentWork(
      LEAVES,
      LEAVES.map((leaf) => sha256(leaf)),
    )
  }

  static async gbm(contract: unknown): Promise<AgentWork> {
    const { leaves, digests } = await record(contract)
    return new AgentWork(leaves, digests)
  }

  of(first: number, count: number): PreparedResult {
    const rows = this.#leaves.length
    const row = first % rows
    const key = row * (ROWS + 1) + count
    const known = this.#prepared.get(key)
    if (known !== undefined) return known
    const places = Array.from({ length: count }, (_, at) => (row + at) % rows)
    const digests = new Uint8Array(32 * count)
    for (const [at, place] of places.entries()) digests.set(this.#digests[place] as Uint8Array, 32 * at)
    const root = merkleRootOfDigests(digests)
    const leaves = packedLeaves(places.map((place) => this.#leaves[place] as Uint8Array))
    const prepared = { digests, root, root_hex: bytesToHex(root), leaves }
    // Odd leases are few; the rest comes again.
    if (this.#prepared.size < 4 * Math.max(ROWS, RECORDED)) this.#prepared.set(key, prepared)
    return prepared
  }
}
