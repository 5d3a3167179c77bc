import canonicalize from 'canonicalize'
import { utf8ToBytes } from './digest.ts'
import { ForgeError } from './errors.ts'
import { LIMITS } from './limits.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/**
 * Canonical form: RFC 8785 (JCS) of a value that has already been parsed by a schema.
 * @throws ForgeError CONTRACT_INVALID for what JSON cannot say (NaN, infinities, lone surrogates, BigInt)
 */
export function canonicalJson(value: Json): string {
  try {
    const text = canonicalize(value)
    if (text === undefined) throw new TypeError('the value has no JSON form')
    return text
  } catch (cause) {
    throw new ForgeError(
      'CONTRACT_INVALID',
      `no canonical form: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: 'Use finite numbers and well-formed strings only.',
        cause,
      },
    )
  }
}

/**
 * Parses JSON text strictly: RFC 8259 as `JSON.parse` reads it, and besides no duplicate object key, no more than
 * `LIMITS.json_depth` arrays and objects inside each other, no number that overflows to infinity, no unpaired surrogate, no
 * `__proto__` key. `JSON.parse` alone would
 * let the last of two equal keys win, so that two readers of one text could see two contracts.
 * @throws ForgeError JSON_INVALID | JSON_DUPLICATE_KEY | TOO_LARGE
 */
export function parseJsonStrict(text: string, maxBytes: number = LIMITS.contract_bytes): Json {
  // A UTF-16 unit is at least one byte of UTF-8: what is far too long is not even encoded.
  if (text.length > maxBytes || utf8ToBytes(text).length > maxBytes) {
    throw new ForgeError('TOO_LARGE', `the JSON text exceeds ${maxBytes} bytes`, {
      hint: 'Put large operands into blobs and name them by digest.',
    })
  }
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (cause) {
    throw new ForgeError('JSON_INVALID', cause instanceof Error ? cause.message : 'not JSON', {
      hint: 'Send one JSON object in UTF-8.',
      cause,
    })
  }
  new StrictScan(text).check()
  return value
}

/**
 * Walks a text that `JSON.parse` has accepted, so the grammar holds and only what that parser tolerates is left to
 * find. It keeps the key sets of the open objects, nothing else.
 */
class StrictScan {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  check(): void {
    this.#value('', 0)
  }

  /** @param depth arrays and objects that are open around the value */
  #value(path: string, depth: number): void {
    this.#space()
    const first = this.#text[this.#at]
    if (depth === LIMITS.json_depth && (first === '{' || first === '[')) {
      throw new ForgeError('JSON_INVALID', `nesting deeper than ${LIMITS.json_depth} levels`, {
        path,
        hint: 'Flatten the value.',
      })
    }
    if (first === '{') this.#object(path, depth)
    else if (first === '[') this.#array(path, depth)
    else if (first === '"') this.#string(path)
    else this.#scalar(path)
    this.#space()
  }

  #object(path: string, depth: number): void {
    const keys = new Set<string>()
    this.#at++
    this.#space()
    while (this.#text[this.#at] !== '}') {
      const key = JSON.parse(this.#string(path)) as string
      const here = path === '' ? key : `${path}.${key}`
      if (keys.has(key)) {
        throw new ForgeError(
          'JSON_DUPLICATE_KEY',
          `the key ${JSON.stringify(key)} stands twice in one object`,
          {
            path: here,
            hint: 'Give each key once.',
          },
        )
      }
      if (key === '__proto__')
        throw new ForgeError('JSON_INVALID', 'the key "__proto__" is not allowed', {
          path: here,
          hint: 'Rename it.',
        })
      keys.add(key)
      this.#space()
      this.#at++ // the colon
      this.#value(here, depth + 1)
      if (this.#text[this.#at] === ',') this.#at++
      this.#space()
    }
    this.#at++
  }

  #array(path: string, depth: number): void {
    this.#at++
    this.#space()
    for (let index = 0; this.#text[this.#at] !== ']'; index++) {
      this.#value(`${path}[${index}]`, depth + 1)
      if (this.#text[this.#at] === ',') this.#at++
    }
    this.#at++
  }

  /** @returns the string as it is written, quotes included */
  #string(path: string): string {
    const start = this.#at
    let end = this.#text.indexOf('"', start + 1)
    while (this.#isEscaped(end)) end = this.#text.indexOf('"', end + 1)
    this.#at = end + 1
    const written = this.#text.slice(start, this.#at)
    const value = written.includes('\\u') ? (JSON.parse(written) as string) : written
    if (/\p{Surrogate}/u.test(value)) {
      throw new ForgeError('JSON_INVALID', 'a string holds half of a surrogate pair', {
        path,
        hint: 'Use well-formed Unicode.',
      })
    }
    return written
  }

  /** Whether an odd number of backslashes stands before. */
  #isEscaped(at: number): boolean {
    let from = at
    while (this.#text[from - 1] === '\\') from--
    return (at - from) % 2 === 1
  }

  #scalar(path: string): void {
    const start = this.#at
    while (this.#at < this.#text.length && !',]} \t\r\n'.includes(this.#text[this.#at] ?? '')) this.#at++
    const word = this.#text.slice(start, this.#at)
    if (/^[-0-9]/.test(word) && !Number.isFinite(Number(word))) {
      throw new ForgeError('JSON_INVALID', `the number ${word.slice(0, 40)} is out of range`, {
        path,
        hint: 'Use numbers that an IEEE double can hold.',
      })
    }
  }

  #space(): void {
    while (' \t\r\n'.includes(this.#text[this.#at] ?? 'x')) this.#at++
  }
}
