import { fromBase64, toBase64 } from '../base64.ts'
import { ForgeError } from '../errors.ts'
import { isKeyName } from './signed-note.ts'

/** The head of a log at one size (https://c2sp.org/tlog-checkpoint): the text of a signed note. No extension lines. */
export interface Checkpoint {
  readonly origin: string
  readonly size: number
  /** RFC 6962 root, 32 bytes. */
  readonly root: Uint8Array
}

export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`
}

/** @param text with its final newline. @throws ForgeError MESSAGE_INVALID */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, size, root, end, ...more] = text.split('\n')
  const fail = (why: string) => new ForgeError('MESSAGE_INVALID', `not a checkpoint: ${why}`)
  if (origin === undefined || size === undefined || root === undefined || end !== '' || more.length > 0)
    throw fail('origin, size and root are expected, a line each')
  if (!isKeyName(origin)) throw fail('its origin has spaces')
  const bytes = fromBase64(root)
  if (bytes.length !== 32) throw fail('its root is not a SHA-256 hash')
  return { origin, size: parseCount(size), root: bytes }
}

/** A decimal without sign, leading zero or exponent, up to 2^53 - 1. @throws ForgeError MESSAGE_INVALID */
export function parseCount(text: string): number {
  const value = Number(text)
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text) || !Number.isSafeInteger(value))
    throw new ForgeError('MESSAGE_INVALID', `${JSON.stringify(text.slice(0, 40))} is not a count`)
  return value
}
