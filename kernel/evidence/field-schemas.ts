import { z } from 'zod'

/** Fields that all parts of evidence are made of. Each value has one spelling, so that no text can be varied unnoticed. */

export const hexDigest = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'a SHA-256 digest is 64 lower-case hexadecimal digits')

/** Base 64 of RFC 4648, section 4, padded, spare bits zero: what `fromBase64` reads. @param chars of the text at most */
export function base64Text(chars: number) {
  return z
    .string()
    .min(4)
    .max(chars, { abort: true })
    .regex(
      /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/,
      'base 64 with padding and without spare bits is expected',
    )
}

/** 32 bytes: a key or a hash. */
export const base64Key = z
  .string()
  .regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, '32 bytes in base 64 are expected')

/** 64 bytes. */
export const base64Signature = z
  .string()
  .regex(/^[A-Za-z0-9+/]{85}[AQgw]==$/, '64 bytes in base 64 are expected')
