const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/**
 * Decodes base64 (RFC 4648, section 4); line breaks are skipped. Own code, because the kernel uses no host function.
 * @throws RangeError for a character outside the alphabet
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replaceAll('\n', '').replace(/=+$/, '')
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4))
  let bits = 0
  let bitCount = 0
  let length = 0
  for (const char of digits) {
    const digit = ALPHABET.indexOf(char)
    if (digit < 0) throw new RangeError(`not a base64 character: ${JSON.stringify(char)}`)
    bits = ((bits << 6) | digit) & 0xffff
    bitCount += 6
    if (bitCount >= 8) {
      bitCount -= 8
      bytes[length++] = (bits >>> bitCount) & 0xff
    }
  }
  return bytes
}
