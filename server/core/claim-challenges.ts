import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { sha256Hex, utf8ToBytes } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { ChallengeStore } from '../memory/embed-ports.ts'
import { CORE_LIMITS } from './limits.ts'

const RANDOM_BYTES = 10
const TIME_BYTES = 6
const MAC_BYTES = 16
const SPENT_CHARS = 32

/**
 * Challenges for claiming a device. Each is made for one owner, lasts five minutes and is good for one try. It is signed and
 * not stored, so that any server of the pool takes what another one gave: 10 random bytes, the time of its end in
 * milliseconds (6 bytes, big-endian), and the first 16 bytes of an HMAC-SHA256 over both and the owner.
 */
export class ClaimChallenges {
  readonly #key: Buffer
  readonly #store: ChallengeStore
  readonly #now_ms: () => number

  /**
   * @param options.secret the same for all servers of a pool
   * @param options.store remembers what was answered until it would have ended anyway
   * @param options.now_ms the time of day, milliseconds since 1970
   */
  constructor(options: { readonly secret: string; readonly store: ChallengeStore; now_ms(): number }) {
    this.#key = createHmac('sha256', options.secret).update('forge/claim/1').digest()
    this.#store = options.store
    this.#now_ms = options.now_ms
  }

  issue(owner: string): { readonly nonce: string; readonly expires_ms: number } {
    const expires_ms = this.#now_ms() + CORE_LIMITS.claim_challenge_ms
    const said = Buffer.alloc(RANDOM_BYTES + TIME_BYTES)
    randomBytes(RANDOM_BYTES).copy(said)
    said.writeUIntBE(expires_ms, RANDOM_BYTES, TIME_BYTES)
    return { nonce: Buffer.concat([said, this.#mac(said, owner)]).toString('base64url'), expires_ms }
  }

  /** Uses it up. @throws ForgeError CONFLICT when it is not open for this owner: used, expired, or somebody else's */
  async take(owner: string, nonce: string): Promise<void> {
    const bytes = Buffer.from(nonce, 'base64url')
    const said = bytes.subarray(0, RANDOM_BYTES + TIME_BYTES)
    const mac = bytes.subarray(RANDOM_BYTES + TIME_BYTES)
    if (mac.length === MAC_BYTES && timingSafeEqual(mac, this.#mac(said, owner))) {
      const expires_ms = said.readUIntBE(RANDOM_BYTES, TIME_BYTES)
      const spent = sha256Hex(utf8ToBytes(`claim ${bytes.toString('base64url')}`)).slice(0, SPENT_CHARS)
      if (expires_ms > this.#now_ms() && (await this.#store.spend(spent, new Date(expires_ms)))) return
    }
    throw new ForgeError('CONFLICT', 'this challenge is not open any more', {
      path: 'nonce',
      hint: 'Ask for another: it lasts five minutes and is good for one claim.',
    })
  }

  #mac(said: Uint8Array, owner: string): Buffer {
    return createHmac('sha256', this.#key).update(said).update(owner).digest().subarray(0, MAC_BYTES)
  }
}
