import { PROTOCOL_VERSION } from '../../kernel/protocol.ts'

/**
 * Frames of the agents' protocol, written directly: a thousand simulated agents share a machine with the hub that is
 * measured, and a general encoder would take half of it. MessagePack, big-endian.
 */

const utf8 = new TextEncoder()

/** A frame as it grows. */
class Frame {
  readonly bytes: Buffer
  at = 0

  constructor(limit_bytes: number) {
    this.bytes = Buffer.allocUnsafe(limit_bytes)
  }

  head(byte: number): this {
    this.bytes[this.at++] = byte
    return this
  }

  /** A map of up to 15 entries. */
  map(entries: number): this {
    return this.head(0x80 | entries)
  }

  text(text: string): this {
    const bytes = utf8.encode(text)
    if (bytes.length < 32) this.head(0xa0 | bytes.length)
    else this.head(0xd9).head(bytes.length)
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
    return this
  }

  /** Below 2^32. */
  number(value: number): this {
    if (value < 0x80) return this.head(value)
    this.head(0xce)
    this.at = this.bytes.writeUInt32BE(value, this.at)
    return this
  }

  binary(bytes: Uint8Array): this {
    if (bytes.length < 256) this.head(0xc4).head(bytes.length)
    else {
      this.head(0xc5)
      this.at = this.bytes.writeUInt16BE(bytes.length, this.at)
    }
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
    return this
  }

  raw(bytes: Uint8Array): this {
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
    return this
  }

  done(): Buffer {
    return this.bytes.subarray(0, this.at)
  }
}

/** Leaves as they stand in a frame: an array of byte strings of at most 64 KiB each, at most 65,535 of them. */
export function packedLeaves(leaves: readonly Uint8Array[]): Buffer {
  const frame = new Frame(3 + leaves.reduce((sum, { length }) => sum + length + 3, 0))
  frame.head(0xdc)
  frame.at = frame.bytes.writeUInt16BE(leaves.length, frame.at)
  for (const leaf of leaves) frame.binary(leaf)
  return frame.done()
}

export interface ResultParts {
  readonly request: number
  readonly session: string
  readonly lease_id: string
  readonly epoch: number
  /** 32 bytes a shard. */
  readonly digests: Uint8Array
  readonly root: Uint8Array
  /** Of `packedLeaves`. */
  readonly leaves: Uint8Array
  readonly signature: Uint8Array
}

/** A call of `hub.result`. */
export function resultFrame(parts: ResultParts): Buffer {
  const { request, session, lease_id, epoch, digests, root, leaves, signature } = parts
  const frame = new Frame(512 + digests.length + leaves.length)
  frame.map(3).text('id').number(request).text('method').text('mutation').text('params')
  frame.map(2).text('path').text('hub.result').text('input')
  frame
    .map(10)
    .text('v')
    .number(PROTOCOL_VERSION)
    .text('session')
    .text(session)
    .text('lease_id')
    .text(lease_id)
  frame.text('epoch').number(epoch).text('executor').text('wasm').text('digests').binary(digests)
  frame.text('result_root').binary(root).text('leaves').raw(leaves)
  frame.text('elapsed_ms').number(1).text('signature').binary(signature)
  return frame.done()
}
