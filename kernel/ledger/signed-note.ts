import { fromBase64, toBase64 } from '../base64.ts'
import { bytesEqual, sha256, utf8ToBytes } from '../digest.ts'
import { ForgeError } from '../errors.ts'

/**
 * Signed notes (https://c2sp.org/signed-note) with the two kinds of Ed25519 signatures that a ledger uses: the log's own
 * over the text, and a witness's timestamped cosignature (https://c2sp.org/tlog-cosignature).
 */

/** RFC 8032 verification. @param publicKey 32 bytes. @param signature 64 bytes */
export type VerifySignature = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => boolean | Promise<boolean>
/** RFC 8032 signature, 64 bytes. */
export type Sign = (message: Uint8Array) => Uint8Array | Promise<Uint8Array>

/** Signature type identifier bytes. */
export const NOTE_SIGNATURE = 0x01
export const COSIGNATURE = 0x04
type SignatureType = typeof NOTE_SIGNATURE | typeof COSIGNATURE

export const NOTE_LIMITS = { bytes: 64 * 1024, signatures: 64, key_name_chars: 255 } as const

/** Whoever may sign: a vkey taken apart. */
export interface NoteKey {
  readonly name: string
  readonly type: SignatureType
  /** 32 bytes. */
  readonly publicKey: Uint8Array
}

export interface NoteSignature {
  readonly name: string
  /** Big-endian, 4 bytes. */
  readonly keyId: Uint8Array
  readonly signature: Uint8Array
}

export interface SignedNote {
  /** With its final newline: what is signed. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

const invalid = (message: string): ForgeError =>
  new ForgeError('MESSAGE_INVALID', `not a signed note: ${message}`, {
    hint: 'Use the checkpoint exactly as the log serves it.',
  })

/** Printable ASCII without space and plus: the format allows more, and which letters exist would depend on the Unicode version. */
export function isKeyName(name: string): boolean {
  return name.length <= NOTE_LIMITS.key_name_chars && /^[!-*,-~]+$/.test(name)
}

/** SHA-256(name || 0x0A || type || public key), first four bytes. */
export function noteKeyId({ name, type, publicKey }: NoteKey): Uint8Array {
  const head = utf8ToBytes(`${name}\n`)
  const bytes = new Uint8Array(head.length + 1 + publicKey.length)
  bytes.set(head)
  bytes[head.length] = type
  bytes.set(publicKey, head.length + 1)
  return sha256(bytes).subarray(0, 4)
}

/** `name+hash+base64(type || key)`: how a verifier's key is handed around. */
export function formatVkey(key: NoteKey): string {
  const hash = [...noteKeyId(key)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${key.name}+${hash}+${toBase64(Uint8Array.from([key.type, ...key.publicKey]))}`
}

/** @throws ForgeError MESSAGE_INVALID when it is no Ed25519 key or its hash is not the key's */
export function parseVkey(text: string): NoteKey {
  const wrong = (why: string) =>
    new ForgeError('MESSAGE_INVALID', `not a verifier key: ${why}`, {
      hint: 'A key looks like name+0a1b2c3d+AbCd…: copy it from the log or the witness itself.',
    })
  const match = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text)
  if (match === null) throw wrong('three parts joined by + are expected')
  const [, name = '', hash = '', encoded = ''] = match
  const bytes = fromBase64(encoded)
  const type = bytes[0]
  if (!isKeyName(name)) throw wrong('its name has spaces')
  if ((type !== NOTE_SIGNATURE && type !== COSIGNATURE) || bytes.length !== 33)
    throw wrong('only Ed25519 keys of type 1 and 4 are known')
  const key: NoteKey = { name, type, publicKey: bytes.subarray(1) }
  if (formatVkey(key) !== text) throw wrong(`its hash is not ${hash}`)
  return key
}

/** Reads a note strictly; signatures are not verified here. @throws ForgeError MESSAGE_INVALID */
export function parseSignedNote(note: string): SignedNote {
  if (utf8ToBytes(note).length > NOTE_LIMITS.bytes) throw invalid(`longer than ${NOTE_LIMITS.bytes} bytes`)
  if (/\p{Surrogate}/u.test(note)) throw invalid('it is not UTF-8')
  for (const char of note) if (char < ' ' && char !== '\n') throw invalid('it has control characters')
  const cut = note.lastIndexOf('\n\n')
  if (cut < 0 || !note.endsWith('\n')) throw invalid('a text, an empty line and signature lines are expected')
  const lines = note.slice(cut + 2, -1).split('\n')
  if (lines.length > NOTE_LIMITS.signatures) throw invalid(`more than ${NOTE_LIMITS.signatures} signatures`)
  return { text: note.slice(0, cut + 1), signatures: lines.map(parseSignatureLine) }
}

/** @throws ForgeError MESSAGE_INVALID */
export function parseSignatureLine(line: string): NoteSignature {
  const match = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line)
  const [, name, encoded] = match ?? []
  if (name === undefined || encoded === undefined || !isKeyName(name))
    throw invalid('a signature line is malformed')
  const bytes = fromBase64(encoded)
  if (bytes.length < 5) throw invalid('a signature is too short')
  return { name, keyId: bytes.subarray(0, 4), signature: bytes.subarray(4) }
}

export function formatSignedNote({ text, signatures }: SignedNote): string {
  return `${text}\n${signatures.map((signature) => `${formatSignatureLine(signature)}\n`).join('')}`
}

export function formatSignatureLine({ name, keyId, signature }: NoteSignature): string {
  return `— ${name} ${toBase64(Uint8Array.from([...keyId, ...signature]))}`
}

/** The log's signature over a text that ends in a newline. */
export async function signNote(text: string, key: NoteKey, sign: Sign): Promise<NoteSignature> {
  return { name: key.name, keyId: noteKeyId(key), signature: await sign(utf8ToBytes(text)) }
}

/** @param time seconds since the epoch */
export async function cosignNote(
  text: string,
  key: NoteKey,
  time: number,
  sign: Sign,
): Promise<NoteSignature> {
  const stamped = new Uint8Array(8 + 64)
  new DataView(stamped.buffer).setBigUint64(0, BigInt(time))
  stamped.set(await sign(cosignedBytes(text, BigInt(time))), 8)
  return { name: key.name, keyId: noteKeyId(key), signature: stamped }
}

function cosignedBytes(text: string, time: bigint): Uint8Array {
  return utf8ToBytes(`cosignature/v1\ntime ${time}\n${text}`)
}

/** What a key says about a note. */
export type NoteVerdict =
  | { readonly state: 'valid'; readonly time: bigint | undefined }
  /** The key has not signed. */
  | { readonly state: 'absent' }
  /** It is named and the signature is not its own. */
  | { readonly state: 'invalid' }

/** Lines of other keys are ignored, as the format asks; of several of one key all have to be right. */
export async function verifyNote(
  note: SignedNote,
  key: NoteKey,
  verify: VerifySignature,
): Promise<NoteVerdict> {
  const id = noteKeyId(key)
  const mine = note.signatures.filter(({ name, keyId }) => name === key.name && bytesEqual(keyId, id))
  let verdict: NoteVerdict = { state: 'absent' }
  for (const { signature } of mine) {
    const one = await verifyOne(note.text, key, signature, verify)
    if (one.state === 'invalid') return one
    verdict = one
  }
  return verdict
}

async function verifyOne(
  text: string,
  key: NoteKey,
  signature: Uint8Array,
  verify: VerifySignature,
): Promise<NoteVerdict> {
  const stamped = key.type === COSIGNATURE
  if (signature.length !== (stamped ? 72 : 64)) return { state: 'invalid' }
  const time = stamped ? new DataView(signature.buffer, signature.byteOffset).getBigUint64(0) : undefined
  if (time !== undefined && time >> 63n !== 0n) return { state: 'invalid' }
  const message = time === undefined ? utf8ToBytes(text) : cosignedBytes(text, time)
  const valid = await verify(key.publicKey, message, stamped ? signature.subarray(8) : signature)
  return valid ? { state: 'valid', time } : { state: 'invalid' }
}
