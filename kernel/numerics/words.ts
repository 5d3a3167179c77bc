/** u32 words as little-endian bytes, on any host: the form of leaves and of GPU read-backs. */
export function wordsToBytes(words: Uint32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 * words.length)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < words.length; i++) view.setUint32(4 * i, words[i] as number, true)
  return bytes
}

/** Whether this host keeps words as leaves do: then bytes are copied and not read one by one. */
const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/** @throws RangeError when the bytes are not whole words */
export function bytesToWords(bytes: Uint8Array): Uint32Array<ArrayBuffer> {
  if (bytes.length % 4 !== 0) throw new RangeError(`${bytes.length} bytes are not whole words`)
  if (isLittleEndian) {
    const copy = new Uint8Array(bytes.length)
    copy.set(bytes)
    return new Uint32Array(copy.buffer)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const words = new Uint32Array(bytes.length / 4)
  for (let i = 0; i < words.length; i++) words[i] = view.getUint32(4 * i, true)
  return words
}
