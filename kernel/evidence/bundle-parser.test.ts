import { beforeAll, describe, expect, it } from 'vitest'
import { fromBase64 } from '../base64.ts'
import { utf8ToBytes } from '../digest.ts'
import { ForgeError } from '../errors.ts'
import { parseBundle } from './bundle.ts'
import { BundleParser, type ParsedBundle } from './bundle-parser.ts'
import { damageBytes, drawFrom } from './mutate.test-support.ts'
import { fileOf, makeSample, type Sample } from './sample.test-support.ts'

let sample: Sample
let text: string
let rows: readonly string[]
beforeAll(async () => {
  sample = await makeSample({ seed: 'parts' })
  text = fileOf(sample.bundle)
  rows = sample.bundle.digests ?? []
})

/** @param size bytes of a part */
function inParts(bytes: Uint8Array, size: number): ParsedBundle {
  const parser = new BundleParser()
  const buffer = new Uint8Array(size)
  for (let from = 0; from < bytes.length; from += size) {
    // One buffer for all parts: nothing of them may be kept.
    const part = bytes.subarray(from, from + size)
    buffer.set(part)
    parser.push(buffer.subarray(0, part.length))
    buffer.fill(0x20)
  }
  expect(parser.bytes).toBe(bytes.length)
  return parser.finish()
}

/** What the parser of whole texts makes of it. */
function atOnce(bytes: Uint8Array): ParsedBundle {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const { digests, ...bundle } = parseBundle(decoder.decode(bytes))
  return { bundle, rows: digests?.map(fromBase64) }
}

const outcome = (run: () => ParsedBundle): ParsedBundle | 'rejected' => {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof ForgeError) && !(error instanceof TypeError)) throw error
    return 'rejected'
  }
}

describe('evidence in parts', () => {
  it('is read as at once, wherever it is cut', () => {
    const bytes = utf8ToBytes(text)
    for (const size of [1, 2, 3, 7, 64, 1021, bytes.length])
      expect(inParts(bytes, size)).toEqual(atOnce(bytes))
  })

  it('may leave the digests out, have none, or hold them in several rows', () => {
    const { digests: _, ...light } = sample.bundle
    expect(inParts(utf8ToBytes(JSON.stringify(light)), 50).rows).toBeUndefined()
    for (const digests of [[], ['AAAA', 'AAA=', 'AA==']])
      expect(inParts(utf8ToBytes(JSON.stringify({ ...light, digests })), 50).rows).toEqual(
        digests.map(fromBase64),
      )
  })

  const row = () => JSON.stringify(rows)
  it.each<[string, () => string]>([
    ['spaces between rows', () => text.replace(row(), `[\n ${row().slice(1, -1)}\t]\r`)],
    ['spaces after the key', () => text.replace('"digests":', '"digests" :\n ')],
    ['indentation', () => JSON.stringify(JSON.parse(text), null, 2)],
    ['a row with an escaped slash', () => text.replace(row(), '["AA\\/A"]')],
    ['a row with an escape that is not needed', () => text.replace(row(), '["\\u0041AAA"]')],
    ['the key spelled with an escape', () => text.replace('"digests"', '"d\\u0069gests"')],
    ['the key as a value', () => text.replace(/"result":"(?:[^"\\]|\\.)*"/, '"result":"digests"')],
  ])('accepts %s, as the parser of whole texts does', (_, make) => {
    const bytes = utf8ToBytes(make())
    expect(bytes).not.toEqual(utf8ToBytes(text))
    for (const size of [1, 5, 4096]) expect(inParts(bytes, size)).toEqual(atOnce(bytes))
  })

  it.each<[string, () => string]>([
    ['digests twice', () => `${text.slice(0, -1)},"digests":["AAAA"]}`],
    ['digests twice, once spelled with an escape', () => `${text.slice(0, -1)},"\\u0064igests":["AAAA"]}`],
    ['digests that are no array', () => text.replace(row(), '"AAAA"')],
    ['digests that are null', () => text.replace(row(), 'null')],
    ['a row that is a number', () => text.replace(row(), '[7]')],
    ['a row that is an array', () => text.replace(row(), '[["AAAA"]]')],
    ['an empty row', () => text.replace(row(), '[""]')],
    ['a comma after the last row', () => text.replace(row(), '["AAAA",]')],
    ['no comma between rows', () => text.replace(row(), '["AAAA" "AAAA"]')],
    ['a comma before the first row', () => text.replace(row(), '[,"AAAA"]')],
    ['a row without its end', () => text.replace(row(), '["AAAA')],
    ['rows without their end', () => text.replace(row(), '["AAAA"')],
    ['a quote escaped in a row', () => text.replace(row(), '["AAA\\"A"]')],
    ['an unknown escape in a row', () => text.replace(row(), '["\\xAAAA"]')],
    ['a line break in a row', () => text.replace(row(), '["AAAA\n"]')],
    ['a letter beyond ASCII in a row', () => text.replace(row(), '["AAA\u00e9"]')],
    ['spare bits', () => text.replace(row(), '["AB=="]')],
    ['padding inside', () => text.replace(row(), '["AA==AAAA"]')],
    ['a row that is too long', () => text.replace(row(), `["${'A'.repeat(174_768)}"]`)],
    ['no colon', () => text.replace('"digests":', '"digests"')],
    ['two colons', () => text.replace('"digests":', '"digests"::')],
    ['another value before it', () => text.replace('"digests":', '"digests":1,"x"')],
    ['digests one level down', () => text.replace('"log":{', '"log":{"digests":["AAAA"],')],
    ['digests of an array', () => `["digests",["AAAA"]]`],
    ['too many rows', () => text.replace(row(), `[${'"AAAA",'.repeat(4096)}"AAAA"]`)],
  ])('rejects %s, as the parser of whole texts does', (_, make) => {
    const bytes = utf8ToBytes(make())
    expect(outcome(() => atOnce(bytes))).toBe('rejected')
    for (const size of [1, 5, 65_536]) expect(outcome(() => inParts(bytes, size))).toBe('rejected')
  })

  it('makes of damaged files what the parser of whole texts makes of them', () => {
    const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
    const draw = drawFrom(seed)
    const short = JSON.stringify({ ...sample.bundle, digests: ['AAAA', 'AAA=', 'AAAA', 'AA=='] })
    // Most damage is done where the digests are.
    const from = short.indexOf('"digests"') - 4
    const to = short.indexOf('"log"')
    for (let done = 0; done < 2000; done++) {
      const middle = Buffer.from(damageBytes(short.slice(from, to), draw))
      const bytes = new Uint8Array(
        Buffer.concat([Buffer.from(short.slice(0, from)), middle, Buffer.from(short.slice(to))]),
      )
      const expected = outcome(() => atOnce(bytes))
      const actual = outcome(() => inParts(bytes, 1 + draw(40)))
      expect([`FUZZ_SEED=${seed}`, middle.toString(), actual]).toEqual([
        `FUZZ_SEED=${seed}`,
        middle.toString(),
        expected,
      ])
    }
  })
})
