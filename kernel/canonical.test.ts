import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, type Json, parseJsonStrict } from './canonical.ts'
import { ForgeError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { property } from './numerics/property.test-support.ts'

function refusal(run: () => unknown): { code: string; path: string | undefined } {
  try {
    run()
  } catch (error) {
    if (error instanceof ForgeError) return { code: error.code, path: error.path }
    throw error
  }
  throw new Error('nothing was refused')
}

function doubleFromHex(hex: string): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, BigInt(`0x${hex}`))
  return view.getFloat64(0)
}

describe('canonical form', () => {
  // RFC 8785, appendix B.
  test.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('number %s is %s', (hex, expected) => {
    expect(canonicalJson(doubleFromHex(hex))).toBe(expected)
  })

  test('the example of RFC 8785, section 3.2.2', () => {
    const text = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`
    expect(canonicalJson(parseJsonStrict(text))).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    )
  })

  test('keys sort by UTF-16 units: the example of RFC 8785, section 3.2.3', () => {
    const text = String.raw`{"\u20ac":"Euro","\r":"Return","\ufb33":"Dalet","1":"One","\ud83d\ude00":"Grin","\u0080":"Control","\u00f6":"O"}`
    const keys = [...canonicalJson(parseJsonStrict(text)).matchAll(/:"(\w+)"/g)].map((match) => match[1])
    expect(keys).toEqual(['Return', 'One', 'Control', 'O', 'Euro', 'Grin', 'Dalet'])
  })

  test.each([
    ['NaN', Number.NaN],
    ['an infinity', Number.NEGATIVE_INFINITY],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate in a key', { '\udc00': 1 }],
    ['a BigInt', 1n as unknown as Json],
    ['nothing', undefined as unknown as Json],
  ])('%s has none', (_name, value) => {
    expect(refusal(() => canonicalJson(value as Json)).code).toBe('CONTRACT_INVALID')
  })

  test('is a fixed point and keeps the value', () => {
    property(
      'canonical fixed point',
      [fc.jsonValue()],
      (value) => {
        const text = canonicalJson(value as Json)
        expect(canonicalJson(JSON.parse(text) as Json)).toBe(text)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      },
      300,
    )
  })
})

describe('strict parsing', () => {
  test.each([
    ['{"a":1,"a":2}', 'a'],
    ['{"a":1,"\\u0061":2}', 'a'],
    ['{"x":[{"k":1},{"k":1,"j":0,"k":1}]}', 'x[1].k'],
    ['{"":1,"":1}', ''],
  ])('%s has a key twice', (text, path) => {
    expect(refusal(() => parseJsonStrict(text))).toEqual({ code: 'JSON_DUPLICATE_KEY', path })
  })

  test('equal keys of different objects are no duplicates', () => {
    expect(parseJsonStrict('{"a":{"a":1},"b":{"a":{"a":2}}}')).toEqual({ a: { a: 1 }, b: { a: { a: 2 } } })
  })

  test.each([
    ['{"__proto__":{"polluted":true}}', '__proto__'],
    ['{"args":{"\\u005f_proto__":1}}', 'args.__proto__'],
    ['{"n":1e400}', 'n'],
    ['[0,-1e309]', '[1]'],
  ])('%s is refused', (text, path) => {
    expect(refusal(() => parseJsonStrict(text))).toEqual({ code: 'JSON_INVALID', path })
  })

  test('the names of Object.prototype are ordinary keys, except __proto__', () => {
    const value = parseJsonStrict('{"constructor":1,"toString":2,"hasOwnProperty":3}')
    expect(Object.entries(value as object)).toHaveLength(3)
  })

  test('nesting is counted in open brackets', () => {
    const nested = (levels: number, core: string): string => '['.repeat(levels) + core + ']'.repeat(levels)
    const objects = (levels: number): string => `${'{"k":'.repeat(levels)}0${'}'.repeat(levels)}`
    for (const core of ['', '1', 'null', '"x"']) {
      expect(() => parseJsonStrict(nested(LIMITS.json_depth, core))).not.toThrow()
      expect(refusal(() => parseJsonStrict(nested(LIMITS.json_depth + 1, core))).code).toBe('JSON_INVALID')
    }
    expect(() => parseJsonStrict(objects(LIMITS.json_depth))).not.toThrow()
    expect(refusal(() => parseJsonStrict(objects(LIMITS.json_depth + 1))).code).toBe('JSON_INVALID')
  })

  test('a text at the size limit parses, one beyond is refused before it is parsed', () => {
    const text = JSON.stringify('x'.repeat(LIMITS.contract_bytes - 2))
    expect(parseJsonStrict(text)).toHaveLength(LIMITS.contract_bytes - 2)
    expect(refusal(() => parseJsonStrict(`${text} `)).code).toBe('TOO_LARGE')
    expect(refusal(() => parseJsonStrict('[1,2]', 4)).code).toBe('TOO_LARGE')
    // Bytes, not characters: the sign takes three.
    expect(parseJsonStrict('"€"', 5)).toBe('€')
    expect(refusal(() => parseJsonStrict('"€"', 4)).code).toBe('TOO_LARGE')
  })

  test('the deepest text that the size allows is refused without exhausting the stack', () => {
    const half = LIMITS.contract_bytes / 2
    expect(refusal(() => parseJsonStrict('['.repeat(half) + ']'.repeat(half))).code).toBe('JSON_INVALID')
  })
})

/** A JSON text as a tree, so that what is wrong with it is known by construction. */
type Tree =
  | { readonly t: 'scalar'; readonly text: string }
  | { readonly t: 'array'; readonly items: readonly Tree[] }
  | { readonly t: 'object'; readonly pairs: readonly (readonly [string, Tree])[] }

const HUGE = ['1e400', '-1e999', '123456789e308']

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    fc
      .oneof(
        fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
        fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
        fc.constantFrom('true', 'false', 'null', '0', '-0', '1E5', '1e-400', '"\\u005d\\"}{,:"'),
        { weight: 1, arbitrary: fc.constantFrom(...HUGE) },
      )
      .map((text): Tree => ({ t: 'scalar', text })),
    fc.array(tie('tree'), { maxLength: 4 }).map((items): Tree => ({ t: 'array', items })),
    fc
      .array(
        fc.tuple(fc.oneof(fc.constantFrom('a', 'b', 'c', '__proto__', 'a"b', ''), fc.string()), tie('tree')),
        { maxLength: 4 },
      )
      .map((pairs): Tree => ({ t: 'object', pairs })),
  ),
}))

function write(node: Tree, space: () => string): string {
  const pad = (text: string): string => space() + text + space()
  if (node.t === 'scalar') return pad(node.text)
  if (node.t === 'array') return pad(`[${space()}${node.items.map((item) => write(item, space)).join(',')}]`)
  const pairs = node.pairs.map(([key, value]) => `${pad(writeKey(key))}:${write(value, space)}`)
  return pad(`{${space()}${pairs.join(',')}}`)
}

/** The first letter of some keys as an escape: the same key in other characters. */
function writeKey(key: string): string {
  return key.length % 2 === 1 ? JSON.stringify(key).replace(/^"a/, '"\\u0061') : JSON.stringify(key)
}

function isSound(node: Tree): boolean {
  if (node.t === 'scalar') return !HUGE.includes(node.text)
  if (node.t === 'array') return node.items.every(isSound)
  const keys = node.pairs.map(([key]) => key)
  return (
    new Set(keys).size === keys.length &&
    !keys.includes('__proto__') &&
    node.pairs.every(([, value]) => isSound(value))
  )
}

describe('unpaired surrogates', () => {
  test.each([
    ['in a value', '{"a":"\\ud800"}'],
    ['in a key', '{"\\uDC00":1}'],
    ['after an escaped backslash', '["\\\\\\ud800"]'],
    ['raw', '["\ud800"]'],
  ])('are refused %s', (_, text) => {
    expect(() => parseJsonStrict(text)).toThrowError(expect.objectContaining({ code: 'JSON_INVALID' }))
  })

  test('are not seen in pairs, nor behind an escaped backslash', () => {
    expect(parseJsonStrict('["\\ud83d\\ude00","\\\\ud800"]')).toEqual(['\u{1f600}', '\\ud800'])
  })
})

describe('fuzz', () => {
  test('accepts exactly what JSON.parse accepts, minus the named cases', () => {
    let accepted = 0
    let refused = 0
    property(
      'strict parsing of generated texts',
      [tree, fc.infiniteStream(fc.constantFrom('', '', '', ' ', '\n\t', '\r '))],
      (node, spaces) => {
        const text = write(node, () => spaces.next().value as string)
        const plain: unknown = JSON.parse(text)
        if (isSound(node)) {
          accepted++
          expect(parseJsonStrict(text)).toEqual(plain)
        } else {
          refused++
          expect(['JSON_DUPLICATE_KEY', 'JSON_INVALID']).toContain(refusal(() => parseJsonStrict(text)).code)
        }
      },
      2000,
    )
    expect(accepted).toBeGreaterThan(100)
    expect(refused).toBeGreaterThan(100)
  })

  test('broken texts are refused as JSON.parse refuses them, and nothing hangs', () => {
    let broken = 0
    property(
      'strict parsing of damaged texts',
      [
        tree,
        fc.nat(),
        fc.nat({ max: 3 }),
        fc.constantFrom('', '"', '\\', '}', ']', '{', '[', ',', ':', '1', ' ', '\u0000'),
      ],
      (node, position, length, piece) => {
        const text = write(node, () => '')
        const at = position % (text.length + 1)
        const damaged = text.slice(0, at) + piece + text.slice(at + length)
        let plain: unknown
        try {
          plain = JSON.parse(damaged)
        } catch {
          broken++
          expect(refusal(() => parseJsonStrict(damaged)).code).toBe('JSON_INVALID')
          return
        }
        try {
          expect(parseJsonStrict(damaged)).toEqual(plain)
        } catch (error) {
          if (!(error instanceof ForgeError)) throw error
          expect(['JSON_DUPLICATE_KEY', 'JSON_INVALID']).toContain(error.code)
        }
      },
      2000,
    )
    expect(broken).toBeGreaterThan(100)
  })
})
