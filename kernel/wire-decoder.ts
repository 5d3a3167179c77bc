import { utf8ToBytes } from './digest.ts'
import { ForgeError } from './errors.ts'
import { PackedLeaves } from './leaves.ts'
import { leaseMessage, resultInput, resultOutput } from './protocol.ts'
import { EXECUTOR_KINDS } from './receipt.ts'

/**
 * Reads one MessagePack value. A frame is first walked without allocating anything (`scanFrame` in wire-encoder.ts): here it
 * is known to be complete and within the limits, and to have no extension types.
 */

/** Words of the messages that come once a lease, read without a string being made. Others are decoded as text is. */
const OFTEN = [
  // tRPC's envelope.
  ...['id', 'method', 'params', 'path', 'input', 'result', 'type', 'data', 'mutation', 'hub.result'],
  ...EXECUTOR_KINDS,
  ...Object.keys(resultInput.shape),
  ...Object.keys(resultOutput.shape),
  ...Object.keys(leaseMessage.shape),
  ...Object.keys(leaseMessage.shape.proof.shape),
]
  .filter((word, at, all) => all.indexOf(word) === at)
  .map((word) => ({ word, bytes: utf8ToBytes(word) }))
const LONGEST = OFTEN.reduce((most, { bytes }) => Math.max(most, bytes.length), 0)
const OFTEN_BY_LENGTH = Array.from({ length: LONGEST + 1 }, (_, length) =>
  OFTEN.filter(({ bytes }) => bytes.length === length),
)
/** Text of so many bytes is put together here where it is ASCII: calling a decoder would take longer. */
const SHORT_TEXT = 64

export class FrameReader {
  readonly #frame: Uint8Array
  readonly #view: DataView
  readonly #isPacking: boolean
  #at = 0

  /**
   * @param frame bytes of the value that is read are views of it
   * @param isPacking an array of byte strings of one size is read as `PackedLeaves`
   */
  constructor(frame: Uint8Array, isPacking: boolean) {
    this.#frame = frame
    this.#view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
    this.#isPacking = isPacking
  }

  /** @throws ForgeError MESSAGE_INVALID for a map with a key that is no text, or is `__proto__` */
  value(): unknown {
    const head = this.#number(1)
    if (head <= 0x7f) return head
    if (head >= 0xe0) return head - 0x100
    if (head <= 0x8f) return this.#map(head & 0x0f)
    if (head <= 0x9f) return this.#array(head & 0x0f)
    if (head <= 0xbf) return this.#text(head & 0x1f)
    switch (head) {
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.#bytes(this.#number(1))
      case 0xc5:
        return this.#bytes(this.#number(2))
      case 0xc6:
        return this.#bytes(this.#number(4))
      case 0xca:
        return this.#view.getFloat32(this.#skip(4))
      case 0xcb:
        return this.#view.getFloat64(this.#skip(8))
      case 0xcc:
        return this.#number(1)
      case 0xcd:
        return this.#number(2)
      case 0xce:
        return this.#number(4)
      case 0xcf:
        return this.#number(4) * 2 ** 32 + this.#number(4)
      case 0xd0:
        return this.#view.getInt8(this.#skip(1))
      case 0xd1:
        return this.#view.getInt16(this.#skip(2))
      case 0xd2:
        return this.#view.getInt32(this.#skip(4))
      case 0xd3:
        return this.#view.getInt32(this.#skip(4)) * 2 ** 32 + this.#number(4)
      case 0xd9:
        return this.#text(this.#number(1))
      case 0xda:
        return this.#text(this.#number(2))
      case 0xdb:
        return this.#text(this.#number(4))
      case 0xdc:
        return this.#array(this.#number(2))
      case 0xdd:
        return this.#array(this.#number(4))
      case 0xde:
        return this.#map(this.#number(2))
      case 0xdf:
        return this.#map(this.#number(4))
      default:
        return null
    }
  }

  /** @returns where what is skipped begins */
  #skip(bytes: number): number {
    const from = this.#at
    this.#at += bytes
    return from
  }

  #number(bytes: 1 | 2 | 4): number {
    const from = this.#skip(bytes)
    if (bytes === 1) return this.#frame[from] as number
    return bytes === 2 ? this.#view.getUint16(from) : this.#view.getUint32(from)
  }

  #bytes(length: number): Uint8Array {
    const from = this.#skip(length)
    return this.#frame.subarray(from, from + length)
  }

  #text(length: number): string {
    const from = this.#skip(length)
    const frame = this.#frame
    for (const { word, bytes } of OFTEN_BY_LENGTH[length] ?? []) {
      let same = 0
      while (same < length && bytes[same] === frame[from + same]) same++
      if (same === length) return word
    }
    if (length <= SHORT_TEXT) {
      const letters: number[] = []
      for (let at = from; at < from + length && (frame[at] as number) < 0x80; at++)
        letters.push(frame[at] as number)
      if (letters.length === length) return String.fromCharCode(...letters)
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(frame.subarray(from, from + length))
  }

  #map(entries: number): Record<string, unknown> {
    const map: Record<string, unknown> = {}
    for (let entry = 0; entry < entries; entry++) {
      const key = this.value()
      if (typeof key !== 'string' || key === '__proto__')
        throw new ForgeError('MESSAGE_INVALID', 'not a frame of this protocol: a key that names nothing')
      map[key] = this.value()
    }
    return map
  }

  #array(length: number): readonly unknown[] | PackedLeaves {
    const packed = this.#isPacking && length > 0 ? this.#packed(length) : undefined
    if (packed !== undefined) return packed
    const items: unknown[] = []
    for (let item = 0; item < length; item++) items.push(this.value())
    return items
  }

  /** The items of an array, where each is a byte string of the same size written the same way. */
  #packed(length: number): PackedLeaves | undefined {
    const frame = this.#frame
    const from = this.#at
    const head = frame[from] as number
    if (head < 0xc4 || head > 0xc6) return undefined
    const headBytes = head === 0xc4 ? 2 : head === 0xc5 ? 3 : 5
    this.#at = from + 1
    const size = this.#number(head === 0xc4 ? 1 : head === 0xc5 ? 2 : 4)
    this.#at = from
    const step = headBytes + size
    if (from + length * step > frame.length) return undefined
    for (let item = 1; item < length; item++)
      for (let at = 0; at < headBytes; at++)
        if (frame[from + item * step + at] !== frame[from + at]) return undefined
    this.#at = from + length * step
    return new PackedLeaves(frame, from + headBytes, step, size, length)
  }
}
