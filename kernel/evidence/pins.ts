import { fromBase64 } from '../base64.ts'
import { bytesToHex } from '../digest.ts'
import { ForgeError } from '../errors.ts'
import { parseCheckpoint } from '../ledger/checkpoint.ts'
import {
  COSIGNATURE,
  NOTE_SIGNATURE,
  type NoteKey,
  parseSignedNote,
  parseVkey,
} from '../ledger/signed-note.ts'
import type { ParsedBundle } from './bundle-parser.ts'

/** What a verifier knows from elsewhere: whose key is whose, and what the ledger looked like before. */
export interface Pins {
  /** The hub's key for records, 32 bytes. */
  readonly hubKey?: Uint8Array | undefined
  readonly logKey?: NoteKey | undefined
  /** Witnesses that the caller trusts, and how many of them must have cosigned. */
  readonly witnesses?: { readonly keys: readonly NoteKey[]; readonly needed: number } | undefined
  /** A signed checkpoint that the caller kept from before. */
  readonly checkpoint?: string | undefined
}

/** Pins as people hand them over: a command's options, fields of a page. Empty texts are none. */
export interface PinTexts {
  /** 32 bytes in base 64. */
  readonly hub_key?: string | undefined
  readonly log_key?: string | undefined
  readonly witnesses?: readonly string[] | undefined
  /** By default as many as are named. */
  readonly witnesses_needed?: number | undefined
  /** A signed checkpoint, verbatim. */
  readonly checkpoint?: string | undefined
}

/** @throws ForgeError MESSAGE_INVALID whose path is the pin that is wrong */
export function parsePins(texts: PinTexts): Pins {
  return {
    hubKey: pin('hub_key', texts.hub_key, hubKey),
    logKey: pin('log_key', texts.log_key, (text) => keyOfType(text, NOTE_SIGNATURE, 'a log')),
    witnesses: witnessesOf(texts),
    checkpoint: pin('checkpoint', texts.checkpoint, (text) => {
      parseCheckpoint(parseSignedNote(text).text)
      return text
    }),
  }
}

/** What of the verdict rests on the file alone, in words; empty when everything is pinned. */
export function notPinned(pins: Pins): readonly string[] {
  return [
    ...(pins.hubKey === undefined ? ["the hub's key"] : []),
    ...(pins.logKey === undefined ? ["the log's key"] : []),
    ...(pins.witnesses === undefined ? ['witnesses'] : []),
    ...(pins.checkpoint === undefined ? ['an earlier checkpoint'] : []),
  ]
}

function witnessesOf({ witnesses = [], witnesses_needed }: PinTexts): Pins['witnesses'] {
  const texts = witnesses.filter((text) => text.trim() !== '')
  const keys = texts.map((text) => named('witnesses', () => keyOfType(text.trim(), COSIGNATURE, 'a witness')))
  // One key under two names would count twice.
  if (new Set(keys.map(({ publicKey }) => bytesToHex(publicKey))).size !== keys.length)
    throw new ForgeError('MESSAGE_INVALID', 'a witness is named twice', { path: 'witnesses' })
  const needed = witnesses_needed ?? keys.length
  if (!Number.isSafeInteger(needed) || needed < 0 || needed > keys.length)
    throw new ForgeError('MESSAGE_INVALID', `${needed} of ${keys.length} witnesses cannot cosign`, {
      path: 'witnesses_needed',
    })
  return keys.length === 0 ? undefined : { keys, needed }
}

function hubKey(text: string): Uint8Array {
  const key = fromBase64(text)
  if (key.length !== 32) throw new ForgeError('MESSAGE_INVALID', 'an Ed25519 public key has 32 bytes')
  return key
}

function keyOfType(text: string, type: NoteKey['type'], whose: string): NoteKey {
  const key = parseVkey(text)
  if (key.type !== type) throw new ForgeError('MESSAGE_INVALID', `${key.name} is not the key of ${whose}`)
  return key
}

function pin<T>(path: keyof PinTexts, text: string | undefined, parse: (text: string) => T): T | undefined {
  if (text === undefined || text.trim() === '') return undefined
  return named(path, () => parse(path === 'checkpoint' ? text : text.trim()))
}

function named<T>(path: keyof PinTexts, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error
    throw new ForgeError(error.code, error.message, { hint: error.hint, path })
  }
}

/** The key that is to have signed the record: the pinned one, or else the one that the file names. */
export function hubKeyOf(bundle: ParsedBundle['bundle'], pins: Pins): Uint8Array {
  return pins.hubKey ?? fromBase64(bundle.keys.hub)
}
