import { ForgeError } from './errors.ts'

/** Base 64 of RFC 4648, section 4, with padding: the only form that is written, and the only one that is read. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const PAD = 0x3d
const CODES = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0))
/** Values of letters by their codes; what is no letter has the highest bit. */
const VALUES = new Uint8Array(256).fill(128)
for (let value = 0; value < 64; value++) VALUES[CODES[value] as number] = value
/** More letters than this are quicker as text of UTF-8; and engines limit the arguments of one call. */
const CHUNK = 1024

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
  return letters.length > CHUNK ? new TextDecoder().decode(letters) : String.fromCharCode(...letters)
}

/**
 * Reads exactly what `toBase64` writes: padding is required, spare bits are zero, nothing else stands in the text. Two
 * texts never give the same bytes.
 * @throws ForgeError MESSAGE_INVALID
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const letters = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    letters[at] = code < 128 ? code : 0
  }
  const bytes = base64Bytes(letters)
  if (bytes === undefined) throw invalid()
  return bytes
}

/** `fromBase64` of letters by their codes. @returns undefined when they are no such text */
export function base64Bytes(letters: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const { length } = letters
  if (length % 4 !== 0) return undefined
  if (length === 0) return new Uint8Array(0)
  const padding = letters[length - 1] !== PAD ? 0 : letters[length - 2] !== PAD ? 1 : 2
  const bytes = new Uint8Array((length / 4) * 3 - padding)
  const value = (at: number): number => VALUES[letters[at] as number] as number
  /** Whole groups of four letters. */
  const whole = length - (padding > 0 ? 4 : 0)
  let seen = 0
  let to = 0
  for (let at = 0; at < whole; at += 4) {
    const a = value(at)
    const b = value(at + 1)
    const c = value(at + 2)
    const d = value(at + 3)
    seen |= a | b | c | d
    bytes[to++] = (a << 2) | (b >> 4)
    bytes[to++] = (b << 4) | (c >> 2)
    bytes[to++] = (c << 6) | d
  }
  if (padding > 0) {
    const [a, b, c] = [value(whole), value(whole + 1), padding === 1 ? value(whole + 2) : 0]
    // Spare bits are zero.
    if ((padding === 1 ? c & 3 : b & 15) !== 0) return undefined
    seen |= a | b | c
    bytes[to++] = (a << 2) | (b >> 4)
    if (padding === 1) bytes[to++] = (b << 4) | (c >> 2)
  }
  return seen < 128 ? bytes : undefined
}

function invalid(): ForgeError {
  return new ForgeError('MESSAGE_INVALID', 'not base 64 of RFC 4648 with padding', {
    hint: 'Use the standard alphabet, pad with "=", and leave no spaces.',
  })
}
