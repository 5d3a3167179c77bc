import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as big from './bigmath.ts'
import { property } from './property.test-support.ts'

/** From any double bits: subnormals, zeros and both signs included. */
const anyDouble = fc
  .bigInt({ min: 0n, max: (1n << 64n) - 1n })
  .map((bits) => new Float64Array(new BigUint64Array([bits]).buffer)[0] as number)
  .filter(Number.isFinite)
const anyBig = fc.oneof(
  fc.bigInt({ min: -(1n << 200n), max: 1n << 200n }),
  fc.bigInt({ min: -1000n, max: 1000n }),
)
const positiveBig = fc.oneof(fc.bigInt({ min: 1n, max: 1n << 200n }), fc.bigInt({ min: 1n, max: 1000n }))

const abs = (x: bigint): bigint => (x < 0n ? -x : x)

/** |got - exact| in units of the last place of got's format, where exact has `extra` more bits. */
function unitsOff(got: bigint, exact: bigint, extra: number): number {
  return Number(abs((got << BigInt(extra)) - exact)) / 2 ** extra
}

describe('rounding', () => {
  test('divideRound: nearest, ties to even', () => {
    property('divideRound', [anyBig, positiveBig], (num, den) => {
      const got = big.divideRound(num, den)
      const twice = 2n * abs(num - got * den)
      expect(twice <= den).toBe(true)
      if (twice === den) expect(got & 1n).toBe(0n)
    })
    expect([-5n, -3n, -1n, 1n, 3n, 5n].map((n) => big.divideRound(n, 2n))).toEqual([-2n, -2n, 0n, 0n, 2n, 2n])
  })

  test('shiftRound either way', () => {
    property('shiftRound', [anyBig, fc.integer({ min: 0, max: 90 })], (value, bits) => {
      expect(big.shiftRound(value, bits)).toBe(big.divideRound(value, 2n ** BigInt(bits)))
      expect(big.shiftRound(value, -bits)).toBe(value * 2n ** BigInt(bits))
    })
  })

  test('bitLength', () => {
    property('bitLength', [anyBig], (value) => {
      expect(big.bitLength(value)).toBe(value === 0n ? 0 : abs(value).toString(2).length)
    })
  })
})

describe('doubles', () => {
  test('exactRational is in lowest terms and comes back as the same double', () => {
    property(
      'exactRational',
      [anyDouble],
      (x) => {
        const { num, den } = big.exactRational(x)
        if (num !== 0n && den !== 1n) expect(num & 1n).not.toBe(0n)
        expect(den & (den - 1n)).toBe(0n)
        // Adding zero turns -0, which a rational cannot hold, into 0.
        expect(big.ratioToNumber(num, den)).toBe(x + 0)
      },
      5000,
    )
    expect(big.exactRational(0.1)).toEqual({ num: 3602879701896397n, den: 36028797018963968n })
    expect(big.exactRational(5e-324)).toEqual({ num: 1n, den: 1n << 1074n })
    expect(() => big.exactRational(Number.NaN)).toThrow()
  })

  test('ratioToNumber divides as IEEE 754 does', () => {
    // Quotients of integers below 2^53 are correctly rounded by the host's division.
    const safe = fc.bigInt({ min: 1n, max: (1n << 53n) - 1n })
    property(
      'ratioToNumber, division',
      [safe, safe],
      (a, b) => {
        expect(big.ratioToNumber(a, b)).toBe(Number(a) / Number(b))
        expect(big.ratioToNumber(-a, b)).toBe(-Number(a) / Number(b))
      },
      5000,
    )
    // BigInt to Number rounds to nearest even (ECMA-262, NumberValue of a mathematical value).
    property(
      'ratioToNumber, integers',
      [anyBig],
      (a) => expect(big.ratioToNumber(a, 1n)).toBe(Number(a)),
      5000,
    )
  })

  test('ratioToNumber: nearest with ties to even over the whole exponent range', () => {
    property(
      'ratioToNumber, scaled',
      [positiveBig, positiveBig, fc.integer({ min: -1200, max: 1200 })],
      (a, b, e) => {
        const num = e > 0 ? a << BigInt(e) : a
        const den = e < 0 ? b << BigInt(-e) : b
        const got = big.ratioToNumber(num, den)
        if (got === Number.POSITIVE_INFINITY) {
          // At least halfway from the largest double to 2^1024.
          expect(num >= ((1n << 1024n) - (1n << 970n)) * den).toBe(true)
          return
        }
        const bits = new BigUint64Array(new Float64Array([got]).buffer)[0] as bigint
        const near = [bits - 1n, bits + 1n]
          .filter((n) => n >= 0n && n < 0x7ff0000000000000n)
          .map((n) => big.exactRational(new Float64Array(new BigUint64Array([n]).buffer)[0] as number))
        const distance = (r: big.Rational): { num: bigint; den: bigint } => ({
          num: abs(num * r.den - r.num * den),
          den: r.den,
        })
        const mine = distance(big.exactRational(got))
        for (const other of near) {
          const theirs = distance(other)
          const difference = mine.num * theirs.den - theirs.num * mine.den
          expect(difference <= 0n).toBe(true)
          if (difference === 0n) expect(bits & 1n).toBe(0n)
        }
      },
      3000,
    )
    expect(big.ratioToNumber(1n, 1n << 1075n)).toBe(0)
    expect(big.ratioToNumber(3n, 1n << 1075n)).toBe(2 * 5e-324)
    expect(big.ratioToNumber((1n << 1024n) - (1n << 970n), 1n)).toBe(Number.POSITIVE_INFINITY)
    expect(big.ratioToNumber((1n << 1024n) - (1n << 970n) - 1n, 1n)).toBe(Number.MAX_VALUE)
  })

  test('toFixedQ rounds the exact value half to even', () => {
    property('toFixedQ', [anyDouble, fc.integer({ min: -40, max: 80 })], (x, q) => {
      const got = big.toFixedQ(x, q)
      const { num, den } = big.exactRational(x)
      // Twice the distance, over 2^q: |2 (num 2^q - got den)| <= den.
      const [n, d] = q >= 0 ? [num << BigInt(q), den] : [num, den << BigInt(-q)]
      expect(2n * abs(n - got * d) <= d).toBe(true)
    })
    expect([0.5, 1.5, 2.5, -0.5, -1.5].map((x) => big.toFixedQ(x, 0))).toEqual([0n, 2n, 2n, 0n, -2n])
    expect(big.toFixedQ(0.1, 64)).toBe(1844674407370955264n)
    expect(big.fixedToNumber(big.toFixedQ(0.1, 64), 64)).toBe(0.1)
    expect(big.fixedToNumber(3n, -2)).toBe(12)
  })
})

describe('roots', () => {
  test('integerSqrt and sqrtQ against their definitions', () => {
    property('sqrt', [positiveBig, fc.integer({ min: 0, max: 100 })], (x, q) => {
      const floor = big.integerSqrt(x)
      expect(floor * floor <= x && x < (floor + 1n) * (floor + 1n)).toBe(true)
      const root = big.sqrtQ(x, q)
      const square = x << BigInt(q)
      // (root - 1/2)^2 <= square <= (root + 1/2)^2, times 4.
      expect((2n * root - 1n) ** 2n <= 4n * square && 4n * square <= (2n * root + 1n) ** 2n).toBe(true)
    })
    expect(big.integerSqrt(0n)).toBe(0n)
    expect(big.sqrtQ(0n, 30)).toBe(0n)
  })
})

describe('transcendental functions', () => {
  // mpmath 1.3 at 400 digits: int(mp.floor(mp.ln(2) * 2**256)), of pi and of log2(e), in hexadecimal.
  const LN2_256 = 0xb17217f7d1cf79abc9e3b39803f2f6af40f343267298b62d8a0d175b8baafa2bn
  const LOG2E_256 = 0x171547652b82fe1777d0ffda0d23a7d11d6aef551bad2b4b1164a2cd9a342648fn
  const PI_256 = 0x3243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89n

  test('constants', () => {
    for (const q of [0, 8, 31, 64, 128, 200]) {
      expect(big.ln2Q(q)).toBe(big.shiftRound(LN2_256, 256 - q))
      expect(big.log2eQ(q)).toBe(big.shiftRound(LOG2E_256, 256 - q))
      expect(big.piQ(q)).toBe(big.shiftRound(PI_256, 256 - q))
    }
    // Longer than the literals: a prefix of a longer one.
    expect(big.shiftRound(big.ln2Q(1024), 800)).toBe(big.ln2Q(224))
    expect(big.shiftRound(big.piQ(1024), 800)).toBe(big.piQ(224))
  })

  /** e^x by (1 + x/2^400)-free means: the plain series of e^(x / 2^20), squared 20 times, 300 bits. */
  function expOracle(x: bigint, q: number, extra: number): bigint {
    const w = q + extra + 300
    const small = (x << BigInt(w - q)) >> 20n
    let term = 1n << BigInt(w)
    let sum = 0n
    for (let i = 1n; term !== 0n && term !== -1n; i++) {
      sum += term
      term = (term * small) / (i << BigInt(w))
    }
    for (let i = 0; i < 20; i++) sum = (sum * sum) >> BigInt(w)
    return big.shiftRound(sum, w - q - extra)
  }

  test('expQ against another construction', () => {
    property(
      'expQ',
      [fc.double({ min: -60, max: 60, noNaN: true }), fc.integer({ min: 16, max: 96 })],
      (x, q) => {
        const fixed = big.toFixedQ(x, q)
        expect(unitsOff(big.expQ(fixed, q), expOracle(fixed, q, 40), 40)).toBeLessThan(0.5000001)
      },
      300,
    )
    expect(big.expQ(0n, 64)).toBe(1n << 64n)
    expect(big.expQ(-(100n << 64n), 64)).toBe(0n)
    expect(big.fixedToNumber(big.expQ(1n << 64n, 64), 64)).toBe(Math.E)
  })

  test('lnQ undoes expQ and follows the product rule', () => {
    property(
      'lnQ',
      [fc.double({ min: -40, max: 40, noNaN: true }), fc.integer({ min: 16, max: 96 })],
      (x, q) => {
        const w = q + 100
        const fixed = big.toFixedQ(x, q)
        const back = big.lnQ(big.expQ(fixed << 100n, w), w)
        expect(big.shiftRound(back, 100)).toBe(fixed)
      },
      300,
    )
    property(
      'lnRatioQ',
      [positiveBig, positiveBig, positiveBig],
      (a, b, c) => {
        const whole = big.lnRatioQ(a, c, 120)
        const parts = big.lnRatioQ(a, b, 120) + big.lnRatioQ(b, c, 120)
        expect(Number(abs(whole - parts))).toBeLessThanOrEqual(2)
      },
      300,
    )
    expect(big.lnQ(1n << 50n, 50)).toBe(0n)
    expect(big.lnQ(2n << 50n, 50)).toBe(big.ln2Q(50))
    expect(() => big.lnQ(0n, 10)).toThrow()
  })

  test('normalCdfQ against mpmath and its own symmetry', () => {
    // mpmath 1.3 at 400 digits: int(mp.nint(mp.ncdf(x) * 10**60)).
    const known: [number, string][] = [
      [-8, '622096057427178412351599517258818842248871728'],
      [-5, '286651571879193911673752332874645353854423013611889573'],
      [-2.5, '6209665325776135166978104574192221127897746923092768268563'],
      [-1, '158655253931457051414767454367962077522087033273395609012606'],
      [-0.125, '450261775169887107020704370089529760026760088851552498751840'],
      [0, '500000000000000000000000000000000000000000000000000000000000'],
      [0.75, '773372647623131800672937830616523588230935073457732227496730'],
      [1.5, '933192798731141933995505959020113920477104814338778557593712'],
      [3, '998650101968369905473348185232405022622170631841619350635778'],
      [6, '999999999013412354962301859299135867601957981330208750020971'],
      [9.5, '999999999999999999998950548492463739250716521982842334833573'],
    ]
    for (const [x, digits] of known) {
      const q = 100
      const exact = big.divideRound(BigInt(digits) << BigInt(q + 20), 10n ** 60n)
      expect(unitsOff(big.normalCdfQ(big.toFixedQ(x, q), q), exact, 20)).toBeLessThan(0.500002)
    }
    property(
      'normalCdfQ',
      [fc.double({ min: 0, max: 33, noNaN: true })],
      (x) => {
        const fixed = big.toFixedQ(x, 64)
        expect(big.normalCdfQ(fixed, 64) + big.normalCdfQ(-fixed, 64)).toBe(1n << 64n)
      },
      200,
    )
  })
})
