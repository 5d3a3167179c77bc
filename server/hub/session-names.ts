import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const RANDOM_BYTES = 16
const MAC_BYTES = 16
/** The last character of 16 bytes in base64url has two bits of them: with its spare bits zero a name has one spelling. */
const NAME = /^([A-Za-z0-9_-]{21}[AQgw])([A-Za-z0-9_-]{21}[AQgw])([1-9][0-9]{0,15})$/

/**
 * Names of agents' sessions: 16 random bytes and the first 16 of an HMAC-SHA256 (RFC 2104), both in base64url, then the epoch
 * of the hub that enrolled the agent. A hub keeps its own sessions; the name alone shows another hub with the same secret
 * that one of its pool made it, so that an agent's transfers of blobs may reach any of them.
 */
export class SessionNames {
  readonly #key: Buffer

  /** @param secret the same for all hubs of a pool */
  constructor(secret: string | Uint8Array) {
    this.#key = createHmac('sha256', secret).update('forge/session/1').digest()
  }

  /** @returns a new name, which nobody can guess; 45 to 60 characters of base64url */
  make(epoch: number): string {
    const random = randomBytes(RANDOM_BYTES)
    return `${random.toString('base64url')}${this.#mac(random, epoch).toString('base64url')}${epoch}`
  }

  /** @returns the epoch of the hub that made the name; undefined when none with this secret did */
  epochOf(name: string): number | undefined {
    const [, random = '', mac = '', digits = ''] = NAME.exec(name) ?? []
    if (digits === '') return undefined
    const epoch = Number(digits)
    const expected = this.#mac(Buffer.from(random, 'base64url'), epoch)
    return timingSafeEqual(expected, Buffer.from(mac, 'base64url')) ? epoch : undefined
  }

  #mac(random: Uint8Array, epoch: number): Buffer {
    return createHmac('sha256', this.#key)
      .update(random)
      .update(String(epoch))
      .digest()
      .subarray(0, MAC_BYTES)
  }
}
