import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Dtype } from '../../contract.ts'
import { property } from '../../numerics/property.test-support.ts'
import { bytesToWords, wordsToBytes } from '../../numerics/words.ts'
import { checkGolden, type Golden, jobOf, mixedBytes, outcomeOf } from '../operand-golden.test-support.ts'
import { referenceLeaf } from '../references.test-support.ts'
import { FIELDS, inverseMod, mulMod, rootOfOrder, zeta } from './field.ts'
import golden from './golden.json' with { type: 'json' }
import { ntt } from './index.ts'
import { coefficientsOf, digitsOf, modulo, numberOf, power, schoolbook } from './oracle.test-support.ts'
import { joinFactors } from './recombine.ts'
import { nttResult } from './result.ts'
import { agreesAtPoint } from './secret-point.ts'

test.each(golden.contracts as unknown as Golden[])('$name', (known) => checkGolden(ntt, known))

const int32 = (values: readonly number[], dtype: Dtype = 'int32') => ({
  dtype,
  shape: [values.length],
  bytes: wordsToBytes(Uint32Array.from(values)),
})
const big = (values: readonly number[]) => values.map(BigInt)

describe('fields', () => {
  test.each(FIELDS)('$p is a prime with a generator, and has roots of order 2^25', ({ p, generator }) => {
    const m = BigInt(p)
    for (let d = 3; d * d <= p; d += 2) if (p % d === 0) throw new Error(`${p} is divisible by ${d}`)
    const primes = [2, 3, 5, 7].filter((q) => (p - 1) % q === 0)
    expect(
      primes.reduce((rest, q) => {
        while (rest % q === 0) rest /= q
        return rest
      }, p - 1),
    ).toBe(1)
    for (const q of primes) expect(power(BigInt(generator), (m - 1n) / BigInt(q), m)).not.toBe(1n)
    expect((p - 1) % 2 ** 25).toBe(0)
    expect(power(BigInt(rootOfOrder({ p, generator }, 25)), 2n ** 24n, m)).toBe(m - 1n)
  })

  test('their product is above every possible coefficient', () => {
    const product = FIELDS.reduce((all, { p }) => all * BigInt(p), 1n)
    expect(product).toBeGreaterThan(2n ** 64n * 2n ** 21n)
    expect(product).toBeGreaterThan(2n * 2n ** 63n * 2n ** 21n)
  })

  test('products by doubles equal those of BigInt', () => {
    property(
      'mulMod',
      [fc.constantFrom(...FIELDS), fc.nat(), fc.nat(), fc.boolean()],
      ({ p }, x, y, high) => {
        const a = high ? p - 1 - (x % 1000) : x % p
        const b = high ? p - 1 - (y % 1000) : y % p
        expect(mulMod(a, b, p)).toBe(Number((BigInt(a) * BigInt(b)) % BigInt(p)))
        if (a > 0) expect(mulMod(a, inverseMod(a, p), p)).toBe(1)
      },
      5000,
    )
  })

  test('zeta(2k) is a square root of zeta(k), and zeta(2k + 1) the other', () => {
    for (const field of FIELDS) {
      for (const k of [0, 1, 2, 5, 1000, 2 ** 20 + 7]) {
        expect(mulMod(zeta(field, 2 * k), zeta(field, 2 * k), field.p)).toBe(zeta(field, k))
        expect(zeta(field, 2 * k + 1)).toBe(field.p - zeta(field, 2 * k))
      }
    }
  })
})

describe('convolution', () => {
  test('a known one', () => {
    const outcome = outcomeOf(jobOf(ntt, {}, { a: int32([1, -2, 3]), b: int32([4, 5, -6, 7]) }))
    expect(coefficientsOf(outcome.artifacts[0]?.bytes as Uint8Array, true)).toEqual(
      big([4, -3, -4, 34, -32, 21]),
    )
    const { coefficients } = nttResult.parse(outcome.result)
    expect(coefficients).toMatchObject({ min: '-32', max: '34', sum: '20' })
    expect(coefficients?.blocks).toHaveLength(6)
  })

  test('equals the definition for any lengths and values, also the ends of their ranges', () => {
    const signed = fc.oneof(
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, 0, -1),
    )
    const unsigned = fc.oneof(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.constantFrom(2 ** 32 - 1, 2 ** 31, 0),
    )
    const sequence = (element: fc.Arbitrary<number>) => fc.array(element, { minLength: 1, maxLength: 90 })
    property(
      'convolutions',
      [fc.oneof(sequence(signed), sequence(unsigned)), fc.oneof(sequence(signed), sequence(unsigned))],
      (a, b) => {
        const dtype = (values: readonly number[]) => (values.some((x) => x >= 2 ** 31) ? 'uint32' : 'int32')
        const outcome = outcomeOf(jobOf(ntt, {}, { a: int32(a, dtype(a)), b: int32(b, dtype(b)) }))
        const eitherSigned = dtype(a) === 'int32' || dtype(b) === 'int32'
        const c = schoolbook(big(a), big(b))
        expect(coefficientsOf(outcome.artifacts[0]?.bytes as Uint8Array, eitherSigned)).toEqual(c)
        expect(nttResult.parse(outcome.result).coefficients?.sum).toBe(
          c.reduce((x, y) => x + y, 0n).toString(),
        )
        expect(agreesAtPoint(big(a), big(b), c, 123_456_789_123_456_789n)).toBe(true)
      },
      60,
    )
  })

  test.each<[Dtype, (bytes: Uint8Array) => bigint[]]>([
    ['int8', (bytes) => [...new Int8Array(bytes.buffer)].map(BigInt)],
    ['uint8', (bytes) => [...bytes].map(BigInt)],
    ['int16', (bytes) => [...new Int16Array(bytes.buffer)].map(BigInt)],
  ])('takes %s', (dtype, read) => {
    const [a, b] = [mixedBytes(60, 3), mixedBytes(34, 9)]
    const length = (bytes: Uint8Array) => read(bytes).length
    const outcome = outcomeOf(
      jobOf(
        ntt,
        {},
        { a: { dtype, shape: [length(a)], bytes: a }, b: { dtype, shape: [length(b)], bytes: b } },
      ),
    )
    expect(coefficientsOf(outcome.artifacts[0]?.bytes as Uint8Array, dtype !== 'uint8')).toEqual(
      schoolbook(read(a), read(b)),
    )
  })

  test('a leaf is the product modulo its factor over its field', () => {
    const a = Array.from({ length: 70 }, (_, i) => ((i * 2_654_435_761) % 2 ** 32) - 2 ** 31)
    const b = Array.from({ length: 50 }, (_, i) => ((i * 40_503 + 7) % 2 ** 16) - 2 ** 15)
    const { job, inputs } = jobOf(ntt, {}, { a: int32(a), b: int32(b) })
    expect(job.plan.shard_count).toBe(3)
    expect(outcomeOf({ job, inputs }, true)).toEqual(outcomeOf({ job, inputs }))
    const c = schoolbook(big(a), big(b))
    for (const [shard, { p }] of FIELDS.entries())
      expect([...bytesToWords(referenceLeaf(job, shard, inputs))].map(BigInt)).toEqual(
        modulo(c, 128, 1n, BigInt(p)),
      )
  })
})

describe('a transform of several factors', () => {
  const length = 2 ** 17 + 3
  // Sparse, so that the definition is quick.
  const a = new Int32Array(length)
  const b = new Int32Array(2 ** 16)
  for (const i of [0, 1, 5, 65_535, 65_536, 100_000, length - 1])
    a[i] = ((i * 2_654_435_761) % 2 ** 32) - 2 ** 31
  for (const i of [0, 3, 40_000, b.length - 1]) b[i] = 2 ** 31 - 1 - i
  const operand = (values: Int32Array) => ({
    dtype: 'int32' as const,
    shape: [values.length],
    bytes: new Uint8Array(values.buffer.slice(0)),
  })
  const prepared = jobOf(ntt, {}, { a: operand(a), b: operand(b) })
  const c = new Array<bigint>(length + b.length - 1).fill(0n)
  a.forEach((x, i) => {
    if (x === 0) return
    b.forEach((y, j) => {
      if (y !== 0) c[i + j] = (c[i + j] as bigint) + BigInt(x) * BigInt(y)
    })
  })

  test('gives the whole convolution', () => {
    expect(prepared.job.plan).toMatchObject({ shard_count: 12, leaf: { kind: 'blob', max_bytes: 2 ** 18 } })
    const outcome = outcomeOf(prepared)
    expect(coefficientsOf(outcome.artifacts[0]?.bytes as Uint8Array, true)).toEqual(c)
  })

  test('has leaves that are the product modulo x^M - zeta(s)', () => {
    const field = FIELDS[1]
    for (const part of [0, 1, 2, 3]) {
      const leaf = bytesToWords(referenceLeaf(prepared.job, 4 + part, prepared.inputs))
      const expected = modulo(c, 2 ** 16, BigInt(zeta(field, part)), BigInt(field.p))
      expect([...leaf].every((word, i) => BigInt(word) === expected[i])).toBe(true)
    }
  })

  test('joins factors as polynomials do', () => {
    const constants = { a_length: 1, b_length: 1, log2_length: 9, log2_size: 6, log2_parts: 3, signed: true }
    const whole = Array.from({ length: 512 }, (_, i) => BigInt((i * 40_503 + 11) % 65_521))
    FIELDS.forEach((field, prime) => {
      const residues = new Uint32Array(512)
      for (let part = 0; part < 8; part++) {
        const rest = modulo(whole, 64, BigInt(zeta(field, part)), BigInt(field.p))
        residues.set(rest.map(Number), 64 * part)
      }
      joinFactors(residues, constants, prime as 0 | 1 | 2)
      expect([...residues].map(BigInt)).toEqual(whole)
    })
  })
})

describe('product of numbers', () => {
  const product = (x: bigint, y: bigint) => {
    const [a, b] = [digitsOf(x), digitsOf(y)]
    const operand = (bytes: Uint8Array) => ({ dtype: 'uint32' as const, shape: [bytes.length / 4], bytes })
    return jobOf(ntt, { operation: 'product' }, { a: operand(a), b: operand(b) })
  }

  test('equals BigInt', () => {
    const number = fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 3000n }),
      fc.integer({ min: 1, max: 4000 }).map((bits) => 2n ** BigInt(bits) - 1n),
    )
    property(
      'products',
      [number, number],
      (x, y) => {
        const outcome = outcomeOf(product(x, y))
        expect(numberOf(outcome.artifacts[0]?.bytes as Uint8Array)).toBe(x * y)
        const { bits, product: facts } = nttResult.parse(outcome.result)
        expect(bits).toBe(x * y === 0n ? 0 : (x * y).toString(2).length)
        expect(facts?.modulo_m61).toBe(((x * y) % (2n ** 61n - 1n)).toString())
        const hex = (x * y).toString(16)
        expect(BigInt(`0x${facts?.lowest}`)).toBe((x * y) % 2n ** 64n)
        if (hex.length >= 17)
          expect(facts?.highest).toBe(((x * y) >> BigInt((x * y).toString(2).length - 64)).toString(16))
      },
      60,
    )
  })

  test('the square of a Mersenne number of 44,497 bits', () => {
    const m = 2n ** 44_497n - 1n
    const outcome = outcomeOf(product(m, m))
    expect(numberOf(outcome.artifacts[0]?.bytes as Uint8Array)).toBe(2n ** 88_994n - 2n ** 44_498n + 1n)
    expect(nttResult.parse(outcome.result)).toMatchObject({
      bits: 88_994,
      product: { lowest: '0000000000000001' },
    })
  })

  test('needs uint32 digits', () => {
    const operands = { a: int32([1], 'uint32'), b: int32([1], 'int32') }
    expect(() => jobOf(ntt, { operation: 'product' }, operands)).toThrow('dtype int32')
  })
})

test('the check at a secret point finds a coefficient that is off by one', () => {
  const [a, b] = [big([3, -1, 4, 1, -5]), big([9, 2, -6])]
  const c = schoolbook(a, b)
  const point = 1_311_768_467_463_790_320n
  expect(agreesAtPoint(a, b, c, point)).toBe(true)
  c.forEach((_, i) => {
    for (const error of [1n, -1n])
      expect(
        agreesAtPoint(
          a,
          b,
          c.map((x, j) => (i === j ? x + error : x)),
          point,
        ),
      ).toBe(false)
  })
})

describe('bad input', () => {
  test('convolutions beyond 2^22 coefficients are refused', () => {
    const ref = (length: number) => ({ digest: '0'.repeat(64), dtype: 'int8' as const, shape: [length] })
    const contract = jobOf(ntt, {}, { a: int32([1]), b: int32([1]) }).job.contract
    const prepare = (a: number, b: number) => ntt.prepare({ ...contract, inputs: { a: ref(a), b: ref(b) } })
    expect(() => prepare(2 ** 21, 2 ** 21 + 2)).toThrow('the limit is 4194304')
    expect(prepare(2 ** 21, 2 ** 21 + 1).plan).toMatchObject({ shard_count: 192 })
    expect(prepare(1, 1).plan).toMatchObject({ shard_count: 3, leaf: { kind: 'inline', max_bytes: 256 } })
  })

  test('wrong leaves are named', () => {
    const { job, inputs } = jobOf(ntt, {}, { a: int32([1, 2]), b: int32([3]) })
    const leaf = referenceLeaf(job, 1, inputs)
    const words = bytesToWords(leaf)
    words[5] = FIELDS[1].p
    expect(job.checkLeaf(1, wordsToBytes(words))).toContain('residue 5')
    expect(job.checkLeaf(0, wordsToBytes(words))).toBeUndefined()
    expect(job.checkLeaf(1, leaf.subarray(4))).toContain('252 bytes')
  })

  test('bytes that do not fit their shape are refused', () => {
    const { job } = jobOf(ntt, {}, { a: int32([1, 2]), b: int32([3]) })
    expect(() => referenceLeaf(job, 0, new Map([['a', new Uint8Array(7)]]))).toThrow('has 7 bytes')
    expect(() => referenceLeaf(job, 0, new Map())).toThrow('missing')
  })
})

test('summaries: a band for coefficients, digits for a product', () => {
  const band = jobOf(ntt, {}, { a: int32([1, 2, 3]), b: int32([-4, 5]) })
  expect(band.job.summarise(outcomeOf(band).result)).toMatchObject({
    headline: { value: 4, unit: 'coefficients' },
    charts: [{ kind: 'band', points: [{ x: 0, y: -4 }, { y: -3 }, { y: -2 }, { y: 15 }] }],
  })
  const number = jobOf(ntt, { operation: 'product' }, { a: int32([7], 'uint32'), b: int32([6], 'uint32') })
  expect(number.job.summarise(outcomeOf(number).result)).toMatchObject({
    headline: { value: 6, unit: 'bits' },
    figures: [{ value: '0x2a…' }, { value: '…000000000000002a' }, { value: '42' }, {}],
  })
})
