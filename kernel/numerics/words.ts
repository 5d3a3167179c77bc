/** u32 words as little-endian bytes, on any host: the form of leaves and of GPU read-backs. */
export function wordsToBytes(words: Uint32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 * words.length)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < words.length; i++) view.setUint32(4 * i, words[i] as number, true)
  return bytes
}

/** Whether this host keeps words as leaves do: then bytes are copied and not read one by one. */
const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/**
 * @param room what it holds is overwritten, and what is returned is a part of it: for words that nobody keeps, of which
 *   thousands are read a second. A longer leaf gets memory of its own.
 * @throws RangeError when the bytes are not whole words
 */
export function bytesToWords(bytes: Uint8Array, room?: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  if (bytes.length % 4 !== 0) throw new RangeError(`${bytes.length} bytes are not whole words`)
  const length = bytes.length / 4
  const words =
    room === undefined || length > room.length ? new Uint32Array(length) : room.subarray(0, length)
  if (isLittleEndian) {
    new Uint8Array(words.buffer, words.byteOffset, bytes.length).set(bytes)
    return words
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let i = 0; i < words.length; i++) words[i] = view.getUint32(4 * i, true)
  return words
}
