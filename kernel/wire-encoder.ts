import { Encoder } from '@msgpack/msgpack'
import { ForgeError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { FrameReader } from './wire-decoder.ts'

/**
 * The binary encoding of the WebSocket between hub and agent: one MessagePack value a frame. It has the shape of
 * tRPC's `experimental_encoder`, and only this file and wire-decoder.ts know the encoding, because that option may change.
 *
 * MessagePack lets 5 bytes announce 4 billion elements and nest without end, so a frame is first walked without
 * allocating anything (`scanFrame`); only then is it decoded.
 */
export const WIRE_LIMITS = {
  /** One frame: the leaves of a lease, its digests and the envelope. Set it as the socket's `maxPayload` as well. */
  frame_bytes: LIMITS.lease_inline_bytes + 33 * LIMITS.lease_shards + 64 * 1024,
  depth: 12,
  /** Values in one frame, keys included. */
  items: 3 * LIMITS.lease_shards,
  string_bytes: LIMITS.contract_bytes,
  map_entries: 64,
} as const

const encoder = new Encoder({ ignoreUndefined: true, maxDepth: WIRE_LIMITS.depth })

export const wireEncoder = {
  /** @throws ForgeError TOO_LARGE when the frame would pass the limit the other side sets */
  encode(data: unknown): Uint8Array<ArrayBuffer> {
    const frame = encoder.encode(data)
    if (frame.length > WIRE_LIMITS.frame_bytes) throw tooLarge(frame.length)
    return frame
  },

  /**
   * Bytes in the result are copies: they do not keep the frame alive, nor change when a socket reuses its buffer.
   * @throws ForgeError MESSAGE_INVALID | TOO_LARGE
   */
  decode(data: string | ArrayBuffer | Uint8Array): unknown {
    if (typeof data === 'string') throw malformed('a text frame')
    // A plain Uint8Array, since a Node Buffer would hand out Buffers over its shared pool.
    const view = data instanceof Uint8Array ? data : new Uint8Array(data)
    if (view.length > WIRE_LIMITS.frame_bytes) throw tooLarge(view.length)
    return decodeFrame(new Uint8Array(view), false)
  },
}

/**
 * Decodes a frame that nobody writes to any more: bytes in the result are views of it, and an array of byte strings of one
 * size is `PackedLeaves`.
 * @throws ForgeError MESSAGE_INVALID | TOO_LARGE
 */
export function decodeInPlace(frame: Uint8Array): unknown {
  if (frame.length > WIRE_LIMITS.frame_bytes) throw tooLarge(frame.length)
  return decodeFrame(new Uint8Array(frame.buffer, frame.byteOffset, frame.length), true)
}

function decodeFrame(frame: Uint8Array, isPacking: boolean): unknown {
  scanFrame(frame)
  return new FrameReader(frame, isPacking).value()
}

function malformed(what: string): ForgeError {
  return new ForgeError('MESSAGE_INVALID', `not a frame of this protocol: ${what}`)
}

function tooLarge(bytes: number): ForgeError {
  return new ForgeError('TOO_LARGE', `a frame of ${bytes} bytes; the limit is ${WIRE_LIMITS.frame_bytes}`)
}

/** Checks nesting, counts and lengths of a MessagePack value against the limits and the bytes that are there. */
function scanFrame(frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  /** Values still to be read on each open level. */
  const open: number[] = [1]
  let at = 0
  let items = 0

  const length = (bytes: 1 | 2 | 4): number => {
    if (at + bytes > frame.length) throw malformed('the frame ends early')
    const value = bytes === 1 ? view.getUint8(at) : bytes === 2 ? view.getUint16(at) : view.getUint32(at)
    at += bytes
    return value
  }
  const skip = (bytes: number): void => {
    if (bytes > frame.length - at) throw malformed('the frame ends early')
    at += bytes
  }
  const text = (bytes: number): void => {
    if (bytes > WIRE_LIMITS.string_bytes) throw malformed('a string over the limit')
    skip(bytes)
  }
  const nest = (values: number): void => {
    if (values > frame.length - at) throw malformed('the frame ends early')
    if (open.length >= WIRE_LIMITS.depth) throw malformed('nesting over the limit')
    open.push(values)
  }
  const map = (entries: number): void => {
    if (entries > WIRE_LIMITS.map_entries) throw malformed('a map over the limit')
    nest(2 * entries)
  }

  while (open.length > 0) {
    const left = open.length - 1
    if (open[left] === 0) {
      open.pop()
      continue
    }
    open[left] = (open[left] as number) - 1
    if (++items > WIRE_LIMITS.items) throw malformed('too many values')
    const head = length(1)
    if (head <= 0x7f || head >= 0xe0 || head === 0xc0 || head === 0xc2 || head === 0xc3) continue
    if (head <= 0x8f) map(head & 0x0f)
    else if (head <= 0x9f) nest(head & 0x0f)
    else if (head <= 0xbf) text(head & 0x1f)
    else if (head === 0xc4) skip(length(1))
    else if (head === 0xc5) skip(length(2))
    else if (head === 0xc6) skip(length(4))
    else if (head === 0xca || head === 0xce || head === 0xd2) skip(4)
    else if (head === 0xcb || head === 0xcf || head === 0xd3) skip(8)
    else if (head === 0xcc || head === 0xd0) skip(1)
    else if (head === 0xcd || head === 0xd1) skip(2)
    else if (head === 0xd9) text(length(1))
    else if (head === 0xda) text(length(2))
    else if (head === 0xdb) text(length(4))
    else if (head === 0xdc) nest(length(2))
    else if (head === 0xdd) nest(length(4))
    else if (head === 0xde) map(length(2))
    else if (head === 0xdf) map(length(4))
    else throw malformed('an extension type')
  }
  if (at !== frame.length) throw malformed('bytes after the value')
}
