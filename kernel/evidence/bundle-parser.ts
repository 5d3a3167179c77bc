import { base64Bytes } from '../base64.ts'
import { utf8ToBytes } from '../digest.ts'
import { ForgeError } from '../errors.ts'
import { BUNDLE_BYTES, DIGEST_ROWS, type EvidenceBundle, parseBundle, ROW_CHARS } from './bundle.ts'

/**
 * Reads an evidence file in parts. Nearly all of a large one are its digests: their rows become bytes as they come in, and
 * never stand in a text. Everything else goes, with an empty array in their place, to the parser of whole files, so that
 * both accept the same files.
 */

export interface ParsedBundle {
  readonly bundle: Omit<EvidenceBundle, 'digests'>
  /** The rows of `digests`; undefined when the file has none. */
  readonly rows: readonly Uint8Array[] | undefined
}

/** An evidence file: its text, its bytes, or parts of its bytes in order, each of which is read before the next is asked for. */
export type EvidenceFile = string | Uint8Array | AsyncIterable<Uint8Array>

/** @throws what the parts of the file throw; what is wrong with the file itself is kept for `finish` */
export async function readBundle(file: EvidenceFile): Promise<BundleParser> {
  const parser = new BundleParser()
  if (typeof file === 'string') parser.pushText(file)
  else if (file instanceof Uint8Array) parser.push(file)
  else for await (const part of file) parser.push(part)
  return parser
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
/** Letters of a row at most, were each written as an escape of six. */
const WRITTEN_ROW = 6 * ROW_CHARS

const DIGESTS = utf8ToBytes('digests')

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** Where the parser stands: outside of `digests`; in them before a row or their end, before a row, in one, after one. */
type Place = 'outside' | 'begun' | 'before' | 'row' | 'after'

export class BundleParser {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  #bytes = 0
  /** What is kept as text, without the rows. */
  #text = ''
  #failure: ForgeError | undefined
  #place: Place = 'outside'

  // Outside: what is open, and whether the string in hand is a key of the file's object, and which.
  #depth = 0
  #isObject = false
  #inString = false
  #isEscaped = false
  #isKeyNext = false
  #isKey = false
  /** Letters of `digests` that the key has so far; -1 when it is another. */
  #matched = -1
  /** The last thing read is the key `digests`, and perhaps a colon. */
  #isNamed = false

  // Inside.
  #rows: Uint8Array[] | undefined
  #row = new Uint8Array(0)
  #rowLength = 0

  /** Bytes read. */
  get bytes(): number {
    return this.#bytes
  }

  /** The next bytes of the file, which may be overwritten afterwards. */
  push(part: Uint8Array): void {
    this.#bytes += part.length
    if (this.#failure !== undefined) return
    try {
      if (this.#bytes > BUNDLE_BYTES)
        throw new ForgeError('TOO_LARGE', `the file exceeds ${BUNDLE_BYTES} bytes`)
      for (let at = 0; at < part.length; )
        at = this.#place === 'outside' ? this.#outside(part, at) : this.#inside(part, at)
    } catch (error) {
      if (!(error instanceof ForgeError)) throw error
      this.#failure = error
    }
  }

  /** The whole file as a text. */
  pushText(text: string): void {
    if (/\p{Surrogate}/u.test(text))
      this.#failure = new ForgeError('JSON_INVALID', 'the text holds half of a surrogate pair')
    this.push(utf8ToBytes(text))
  }

  /** @throws ForgeError JSON_INVALID | JSON_DUPLICATE_KEY | TOO_LARGE | MESSAGE_INVALID */
  finish(): ParsedBundle {
    if (this.#failure !== undefined) throw this.#failure
    this.#decode(new Uint8Array(0), true)
    const { digests, ...bundle } = parseBundle(this.#text)
    // A key that is spelled with escapes comes to the parser of texts with its rows.
    return { bundle, rows: this.#rows ?? digests?.map((row, at) => this.#bytesOf(utf8ToBytes(row), at)) }
  }

  /** Keeps bytes as text up to the first row of `digests`. @returns where it has stopped */
  #outside(part: Uint8Array, from: number): number {
    let at = from
    while (at < part.length && this.#place === 'outside') this.#token(part[at++] as number)
    this.#decode(part.subarray(from, at), false)
    return at
  }

  #token(byte: number): void {
    if (this.#inString) {
      if (this.#isEscaped) this.#isEscaped = false
      else if (byte === BACKSLASH) this.#isEscaped = true
      else if (byte === QUOTE) {
        this.#inString = false
        this.#isNamed = this.#isKey && this.#matched === DIGESTS.length
        return
      }
      this.#matched = byte === DIGESTS[this.#matched] ? this.#matched + 1 : -1
      return
    }
    if (isSpace(byte) || (byte === COLON && this.#isNamed)) return
    const isRows = this.#isNamed && byte === OPEN_ARRAY && this.#depth === 1
    this.#isNamed = false
    if (isRows) {
      this.#place = 'begun'
      this.#rows ??= []
    } else if (byte === QUOTE) {
      this.#inString = true
      this.#isKey = this.#isKeyNext
      this.#isKeyNext = false
      this.#matched = 0
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (this.#depth === 0) this.#isObject = this.#isKeyNext = byte === OPEN_OBJECT
      this.#depth++
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.#depth--
    else if (byte === COMMA) this.#isKeyNext = this.#isObject && this.#depth === 1
  }

  /** Reads rows and what stands between them. @returns where it has stopped */
  #inside(part: Uint8Array, from: number): number {
    if (this.#place === 'row') return this.#rowPart(part, from)
    const byte = part[from] as number
    if (isSpace(byte)) return from + 1
    const isFirst = this.#place === 'begun'
    if (byte === CLOSE_ARRAY && (isFirst || this.#place === 'after')) {
      this.#place = 'outside'
      this.#decode(part.subarray(from, from + 1), false)
    } else if (byte === COMMA && this.#place === 'after') this.#place = 'before'
    else if (byte === QUOTE && this.#place !== 'after') this.#place = 'row'
    else throw new ForgeError('MESSAGE_INVALID', 'an array of strings is expected', { path: 'digests' })
    return from + 1
  }

  #rowPart(part: Uint8Array, from: number): number {
    const quote = part.indexOf(QUOTE, from)
    const end = quote < 0 ? part.length : quote
    const length = this.#rowLength + end - from
    if (length > WRITTEN_ROW) throw this.#badRow(this.#rows?.length ?? 0)
    if (length > this.#row.length) {
      const wider = new Uint8Array(length > ROW_CHARS ? WRITTEN_ROW : ROW_CHARS)
      wider.set(this.#row.subarray(0, this.#rowLength))
      this.#row = wider
    }
    this.#row.set(part.subarray(from, end), this.#rowLength)
    this.#rowLength = length
    if (quote < 0) return end
    const rows = this.#rows ?? []
    if (rows.length === DIGEST_ROWS)
      throw new ForgeError('MESSAGE_INVALID', `more than ${DIGEST_ROWS} rows`, { path: 'digests' })
    rows.push(this.#bytesOf(this.#row.subarray(0, length), rows.length))
    this.#rowLength = 0
    this.#place = 'after'
    return quote + 1
  }

  /** A row from its letters as they are written. */
  #bytesOf(written: Uint8Array, at: number): Uint8Array {
    const letters = written.includes(BACKSLASH) ? this.#unescaped(written, at) : written
    const bytes = letters.length === 0 || letters.length > ROW_CHARS ? undefined : base64Bytes(letters)
    if (bytes === undefined) throw this.#badRow(at)
    return bytes
  }

  #unescaped(written: Uint8Array, at: number): Uint8Array {
    try {
      return utf8ToBytes(JSON.parse(`"${new TextDecoder().decode(written)}"`) as string)
    } catch {
      throw this.#badRow(at)
    }
  }

  #badRow(at: number): ForgeError {
    return new ForgeError('MESSAGE_INVALID', 'base 64 with padding and without spare bits is expected', {
      path: `digests[${at}]`,
    })
  }

  #decode(bytes: Uint8Array, isLast: boolean): void {
    try {
      this.#text += this.#decoder.decode(bytes, { stream: !isLast })
    } catch (cause) {
      throw new ForgeError('MESSAGE_INVALID', 'the file is not UTF-8', { cause })
    }
  }
}
