import binaryen from 'binaryen'

/** The compression function of FIPS 180-4, section 6.2.2, of one message or of four side by side. */

export type Module = binaryen.Module
export type Code = binaryen.ExpressionRef

/** Memory: round constants, the message schedule and the state of four messages, the state of one. */
export const K_AT = 0
export const W_AT = 256
export const STATE_AT = 512
export const ONE_AT = 640
export const HEAP = 704

const { i32, v128 } = binaryen

/** The arithmetic of one message or of four. */
interface Words {
  readonly type: binaryen.Type
  readonly add: (a: Code, b: Code) => Code
  readonly xor: (a: Code, b: Code) => Code
  readonly and: (a: Code, b: Code) => Code
  readonly rotate: (get: () => Code, bits: number) => Code
  readonly shift: (value: Code, bits: number) => Code
  /** Round constant `offset` bytes behind the pointer. */
  readonly constant: (offset: number, pointer: Code) => Code
  /** Word t of the block. */
  readonly word: (t: number) => Code
  readonly loadState: (at: number) => Code
  readonly storeState: (at: number, value: Code) => Code
}

export function lanes(m: Module): Words {
  const zero = () => m.i32.const(0)
  return {
    type: v128,
    add: (a, b) => m.i32x4.add(a, b),
    xor: (a, b) => m.v128.xor(a, b),
    and: (a, b) => m.v128.and(a, b),
    rotate: (get, bits) =>
      m.v128.or(m.i32x4.shr_u(get(), m.i32.const(bits)), m.i32x4.shl(get(), m.i32.const(32 - bits))),
    shift: (value, bits) => m.i32x4.shr_u(value, m.i32.const(bits)),
    constant: (offset, pointer) => m.v128.load32_splat(offset, 4, pointer),
    word: (t) => m.v128.load(W_AT + 16 * t, 16, zero()),
    loadState: (at) => m.v128.load(STATE_AT + 16 * at, 16, zero()),
    storeState: (at, value) => m.v128.store(STATE_AT + 16 * at, 16, zero(), value),
  }
}

/** @param block where the block of the message begins */
export function single(m: Module, block: () => Code): Words {
  const zero = () => m.i32.const(0)
  return {
    type: i32,
    add: (a, b) => m.i32.add(a, b),
    xor: (a, b) => m.i32.xor(a, b),
    and: (a, b) => m.i32.and(a, b),
    rotate: (get, bits) => m.i32.rotr(get(), m.i32.const(bits)),
    shift: (value, bits) => m.i32.shr_u(value, m.i32.const(bits)),
    constant: (offset, pointer) => m.i32.load(offset, 4, pointer),
    // Two rotations and a mask turn the order of bytes.
    word: (t) => {
      const value = () => m.i32.load(4 * t, 1, block())
      return m.i32.or(
        m.i32.and(m.i32.rotl(value(), m.i32.const(8)), m.i32.const(0x00ff00ff)),
        m.i32.and(m.i32.rotr(value(), m.i32.const(8)), m.i32.const(0xff00ff00 | 0)),
      )
    },
    loadState: (at) => m.i32.load(ONE_AT + 4 * at, 4, zero()),
    storeState: (at, value) => m.i32.store(ONE_AT + 4 * at, 4, zero(), value),
  }
}

/** Locals of a compression, from its first one: 16 words, a to h, b ^ c of the last round, two for values, a pointer. */
const COMPRESSION_LOCALS = 16 + 8 + 1 + 2 + 1

/** Statements that take one block into the state. @param first local @param base of the round constants */
export function compression(m: Module, w: Words, first: number): Code[] {
  const get = (local: number) => m.local.get(first + local, w.type)
  const set = (local: number, value: Code) => m.local.set(first + local, value)
  const wordLocal = (t: number) => t % 16
  const letter = (t: number, name: number) => 16 + ((name - (t % 8) + 8) % 8)
  const [BC, T, X] = [24, 25, 26]
  const pointer = first + 27
  const sum = (...values: Code[]) => values.reduce((a, b) => w.add(a, b))
  const bigSigma = (local: number, [r0, r1, r2]: readonly [number, number, number]) =>
    w.xor(
      w.xor(
        w.rotate(() => get(local), r0),
        w.rotate(() => get(local), r1),
      ),
      w.rotate(() => get(local), r2),
    )
  const smallSigma = (local: number, r0: number, r1: number, shift: number) =>
    w.xor(
      w.xor(
        w.rotate(() => get(local), r0),
        w.rotate(() => get(local), r1),
      ),
      w.shift(get(local), shift),
    )
  const schedule = (t: number) =>
    set(
      wordLocal(t),
      sum(
        get(wordLocal(t)),
        smallSigma(wordLocal(t + 1), 7, 18, 3),
        get(wordLocal(t + 9)),
        smallSigma(wordLocal(t + 14), 17, 19, 10),
      ),
    )
  const round = (t: number): Code[] => {
    const [a, b, d, e, f, g, h] = [0, 1, 3, 4, 5, 6, 7].map((name) => letter(t, name)) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    const choice = w.xor(get(g), w.and(get(e), w.xor(get(f), get(g))))
    const k = w.constant(4 * (t % 16), m.local.get(pointer, i32))
    return [
      set(T, sum(get(h), bigSigma(e, [6, 11, 25]), choice, w.add(k, get(wordLocal(t))))),
      set(d, w.add(get(d), get(T))),
      // The majority of a, b and c is b ^ ((a ^ b) & (b ^ c)); a ^ b is the next round's b ^ c.
      set(X, w.xor(get(a), get(b))),
      set(h, sum(get(T), bigSigma(a, [2, 13, 22]), w.xor(get(b), w.and(get(X), get(BC))))),
      set(BC, get(X)),
    ]
  }
  const rounds = Array.from({ length: 16 }, (_, t) => t)
  return [
    m.local.set(pointer, m.i32.const(K_AT)),
    ...rounds.map((t) => set(t, w.word(t))),
    ...Array.from({ length: 8 }, (_, at) => set(16 + at, w.loadState(at))),
    set(BC, w.xor(get(17), get(18))),
    m.block('rounds', [
      m.loop(
        'sixteen',
        m.block(null, [
          ...rounds.flatMap(round),
          m.br_if('rounds', m.i32.eq(m.local.get(pointer, i32), m.i32.const(K_AT + 192))),
          m.local.set(pointer, m.i32.add(m.local.get(pointer, i32), m.i32.const(64))),
          ...rounds.map(schedule),
          m.br('sixteen'),
        ]),
      ),
    ]),
    ...Array.from({ length: 8 }, (_, at) => w.storeState(at, w.add(w.loadState(at), get(16 + at)))),
  ]
}

export const compressionTypes = (type: binaryen.Type): binaryen.Type[] => [
  ...Array.from({ length: COMPRESSION_LOCALS - 1 }, () => type),
  i32,
]
