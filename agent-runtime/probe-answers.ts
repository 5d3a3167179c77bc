import { exp2Q30 } from '../kernel/numerics/exp2.ts'
import { normalQuantileQ24 } from '../kernel/numerics/normal.ts'
import { philox4x32 } from '../kernel/numerics/philox.ts'
import { mulHi, mulHiRound } from '../kernel/numerics/u32.ts'

/** Known answers of the probe kernels, by the arithmetic of the kernel's reference. */

export const PROBE_INVOCATIONS = 1024
export const PROBE_KEY = [0x243f6a88, 0x85a308d3] as const
/** Words that an invocation stores, and the groups in which a difference is reported. */
export const PROBE_WORDS = 16
export const PROBE_GROUPS = [
  { name: 'Philox4x32-10', from: 0, to: 4 },
  { name: 'wide multiply', from: 4, to: 7 },
  { name: '64-bit addition', from: 7, to: 9 },
  { name: 'countLeadingZeros', from: 9, to: 10 },
  { name: 'normal quantile table', from: 10, to: 11 },
  { name: 'exp2 table', from: 11, to: 12 },
  { name: 'arithmetic shift', from: 12, to: 13 },
  { name: 'exact f32 product sum', from: 13, to: 14 },
  { name: 'division', from: 14, to: 16 },
] as const

const EDGES = [0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]

/** Four words an invocation: every pair of the edges first, then random ones. */
export function probeInputs(): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(4 * PROBE_INVOCATIONS)
  const drawn = new Uint32Array(4)
  for (let i = 0; i < PROBE_INVOCATIONS; i++) {
    philox4x32(drawn, i, 0, 0, 0, PROBE_KEY[0], PROBE_KEY[1])
    words.set(drawn, 4 * i)
    if (i >= EDGES.length ** 2) continue
    words[4 * i] = EDGES[i >> 3] as number
    words[4 * i + 1] = EDGES[i & 7] as number
  }
  return words
}

/** The output of `probe/conformance.v1`: the words of every invocation, then the 128-bit sum. */
export function probeAnswers(inputs: Uint32Array): Uint32Array {
  const out = new Uint32Array(PROBE_WORDS * PROBE_INVOCATIONS + 4)
  const random = new Uint32Array(4)
  let total = 0n
  for (let i = 0; i < PROBE_INVOCATIONS; i++) {
    const v = inputs.subarray(4 * i, 4 * i + 4)
    const [a, b, c, d] = v as unknown as [number, number, number, number]
    const shift = d & 31
    const divisor = (b | 1) >>> 0
    const low = (a + c) >>> 0
    philox4x32(random, a, b, c, d, PROBE_KEY[0], PROBE_KEY[1])
    out.set(random, PROBE_WORDS * i)
    out.set(
      [
        Math.imul(a, b),
        mulHi(a, b),
        mulHiRound(a, b),
        low,
        b + d + (low < a ? 1 : 0),
        Math.clz32(a >>> shift),
        normalQuantileQ24(a),
        exp2Q30(b & 0xffffff),
        a >> shift,
        productSum(v),
        Math.floor(a / divisor),
        a % divisor,
      ],
      PROBE_WORDS * i + 4,
    )
    total += BigInt(a) | (BigInt(b) << 32n) | (BigInt(c) << 64n)
  }
  for (let limb = 0; limb < 4; limb++) {
    out[PROBE_WORDS * PROBE_INVOCATIONS + limb] = Number((total >> BigInt(32 * limb)) & 0xffffffffn)
  }
  return out
}

/** Sum over the 16 signed bytes of (a, b, c, d) times those of (b, c, d, a). */
function productSum(v: Uint32Array): number {
  let sum = 0
  for (let word = 0; word < 4; word++) {
    for (let k = 0; k < 4; k++) {
      const p = ((v[word] as number) << (24 - 8 * k)) >> 24
      const q = ((v[(word + 1) & 3] as number) << (24 - 8 * k)) >> 24
      sum += p * q
    }
  }
  return sum
}

/** The output of `probe/loop.v1` for one invocation. */
export function loopAnswer(invocation: number, iterations: number): number {
  let x = invocation | 0
  for (let k = 0; k < iterations; k++) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0
    x = x ^ (x >>> 13)
  }
  return x >>> 0
}
