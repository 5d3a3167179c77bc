import { fromBase64, toBase64 } from '../base64.ts'
import type { EvidenceBundle } from './bundle.ts'
import type { CheckId } from './checklist.ts'
import type { Pins } from './pins.ts'
import { fileOf, type Sample } from './sample.test-support.ts'

/**
 * Files that must be rejected. Each is made of the honest sample by whoever could make it: somebody on the way, who has no
 * key; an agent; a hub that signs and logs what is not true; a log that shows another past.
 */

export interface ForgedFile {
  readonly file: string | Uint8Array
  readonly pins?: Pins
}

export interface Forgery {
  readonly name: string
  /** The first check that fails, which is the reason given. */
  readonly fails: CheckId
  readonly make: (sample: Sample) => Promise<ForgedFile>
}

export type Bundle = EvidenceBundle
type Edit = (bundle: Bundle, sample: Sample) => void

/** Ways to add a forgery to a list. */
export interface Forge {
  /** A changed copy of the file's object. */
  changed(fails: CheckId, name: string, edit: Edit, pins?: (sample: Sample) => Pins | Promise<Pins>): void
  /** Another text of the file. */
  written(fails: CheckId, name: string, edit: (file: string) => string | Uint8Array): void
  /** A file that somebody with keys makes anew. */
  signed(fails: CheckId, name: string, make: (sample: Sample) => Promise<Bundle>): void
  add(forgery: Forgery): void
}

export function forgeries(define: (forge: Forge) => void): readonly Forgery[] {
  const list: Forgery[] = []
  define({
    changed: (fails, name, edit, pins) =>
      list.push({
        name,
        fails,
        make: async (sample) => {
          const bundle = structuredClone(sample.bundle)
          edit(bundle, sample)
          return { file: fileOf(bundle), ...(pins === undefined ? {} : { pins: await pins(sample) }) }
        },
      }),
    written: (fails, name, edit) =>
      list.push({ name, fails, make: async ({ bundle }) => ({ file: edit(fileOf(bundle)) }) }),
    signed: (fails, name, make) =>
      list.push({ name, fails, make: async (sample) => ({ file: fileOf(await make(sample)) }) }),
    add: (forgery) => list.push(forgery),
  })
  return list
}

export const flip64 = (text: string, at: number): string => {
  const bytes = fromBase64(text)
  bytes[at] = (bytes[at] as number) ^ 1
  return toBase64(bytes)
}
export const flipHex = (text: string): string => `${text[0] === '0' ? '1' : '0'}${text.slice(1)}`
/** Sets what the types forbid. */
export const put = (target: object, name: string, value: unknown): void => {
  Object.assign(target, { [name]: value })
}
export const row = (bundle: Bundle): string => bundle.digests?.[0] ?? ''
export const proofLines = (bundle: Bundle, edit: (lines: string[]) => void): void => {
  const lines = bundle.log.proof.split('\n')
  edit(lines)
  bundle.log.proof = lines.join('\n')
}
export const receiptOf = (bundle: Bundle, at = 0): Bundle['receipts'][number] =>
  bundle.receipts[at] as Bundle['receipts'][number]
export const signatureOf = (bundle: Bundle): Bundle['envelope']['signatures'][number] =>
  bundle.envelope.signatures[0] as Bundle['envelope']['signatures'][number]
/** Spare bits of the last letter before the padding. */
export const spareBit = (text: string): string => {
  const at = text.indexOf('=') - 1
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  return `${text.slice(0, at)}${letters[letters.indexOf(text[at] as string) + 1]}${text.slice(at + 1)}`
}
export const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
/** The same signature with S + L. */
export const malleable = (text: string): string => {
  const bytes = fromBase64(text)
  const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + ORDER
  bytes.set(Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse(), 32)
  return toBase64(bytes)
}
export const IDENTITY = toBase64(Uint8Array.of(1, ...new Uint8Array(31)))
/** Under a key of small order this is a signature of everything. */
export const FOR_ALL = toBase64(Uint8Array.of(1, ...new Uint8Array(63)))
