import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64 } from './base64.ts'

const ascii = (text: string) => new TextEncoder().encode(text)

describe('base 64', () => {
  // RFC 4648, section 10.
  it.each([
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
    ['fooba', 'Zm9vYmE='],
    ['foobar', 'Zm9vYmFy'],
  ])('writes and reads the RFC vector %j', (text, encoded) => {
    expect(toBase64(ascii(text))).toBe(encoded)
    expect(fromBase64(encoded)).toEqual(ascii(text))
  })

  it('agrees with the platform on every length', () => {
    const bytes = Uint8Array.from({ length: 20_000 }, (_, at) => (at * 167 + (at >> 5)) & 255)
    for (const length of [0, 1, 2, 3, 100, 6143, 6144, 6145, 20_000]) {
      const part = bytes.subarray(0, length)
      expect(toBase64(part)).toBe(Buffer.from(part).toString('base64'))
      expect(fromBase64(toBase64(part))).toEqual(part)
    }
  })

  it.each([
    'Zg',
    'Zg=',
    'Zh==',
    'Zm9=',
    'Zm 9',
    'Zm9v\n',
    'Z===',
    '=',
    '====',
    'Zm9v====',
    'Zm-_',
    'Zm9é',
    'Zg==Zg==',
  ])('refuses %j', (text) => {
    expect(() => fromBase64(text)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
  })
})
