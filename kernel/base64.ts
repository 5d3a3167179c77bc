import { ForgeError } from './errors.ts'

/** Base 64 of RFC 4648, section 4, with padding: the only form that is written, and the only one that is read. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const PAD = 0x3d
const CODES = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0))
const VALUES = new Int8Array(128).fill(-1)
for (let value = 0; value < 64; value++) VALUES[CODES[value] as number] = value
/** Letters turned into a string at a time: engines limit the arguments of one call. */
const CHUNK = 8192

export function toBase64(bytes: Uint8Array): string {
  const letters = new Uint8Array(4 * Math.ceil(bytes.length / 3))
  let at = 0
  for (let from = 0; from < bytes.length; from += 3) {
    const left = bytes.length - from
    const word = ((bytes[from] as number) << 16) | ((bytes[from + 1] ?? 0) << 8) | (bytes[from + 2] ?? 0)
    letters[at++] = CODES[word >> 18] as number
    letters[at++] = CODES[(word >> 12) & 63] as number
    letters[at++] = left > 1 ? (CODES[(word >> 6) & 63] as number) : PAD
    letters[at++] = left > 2 ? (CODES[word & 63] as number) : PAD
  }
  let text = ''
  for (let from = 0; from < letters.length; from += CHUNK)
    text += String.fromCharCode(...letters.subarray(from, from + CHUNK))
  return text
}

/**
 * Reads exactly what `toBase64` writes: padding is required, spare bits are zero, nothing else stands in the text. Two
 * texts never give the same bytes.
 * @throws ForgeError MESSAGE_INVALID
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  if (text.length % 4 !== 0) throw invalid()
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  let at = 0
  const letters = text.length - padding
  for (let from = 0; from < text.length; from += 4) {
    let word = 0
    for (let offset = 0; offset < 4; offset++) {
      const code = text.charCodeAt(from + offset)
      const value = from + offset >= letters ? 0 : code < 128 ? (VALUES[code] as number) : -1
      if (value < 0) throw invalid()
      word = (word << 6) | value
    }
    bytes[at++] = word >> 16
    if (at < bytes.length) bytes[at++] = (word >> 8) & 255
    else if ((word >> 8) & 255) throw invalid()
    if (at < bytes.length) bytes[at++] = word & 255
    else if (from + 4 === text.length && padding > 0 && (word & 255) !== 0) throw invalid()
  }
  return bytes
}

function invalid(): ForgeError {
  return new ForgeError('MESSAGE_INVALID', 'not base 64 of RFC 4648 with padding', {
    hint: 'Use the standard alphabet, pad with "=", and leave no spaces.',
  })
}
