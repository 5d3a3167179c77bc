import binaryen from 'binaryen'
import { LaneAddressEmitter } from './emit-lane-addresses.ts'
import { LANES } from './emit-lane-values.ts'
import { type Code, PARAMETERS } from './emit-values.ts'
import type { MemoryRef, Statement } from './ir.ts'

/** Emits what four lanes load, store and add: rows and neighbours as vectors, what lies anywhere lane by lane. */
export class LaneMemoryEmitter extends LaneAddressEmitter {
  protected load(s: Statement & { k: 'load' }): Code {
    const { m } = this
    const used = s.to
      .map((local, i) => ({ local, word: s.words[i]! }))
      .filter(({ local }) => this.reads.has(local))
    if (used.length === 0) return m.nop()
    const isPrivate = this.kernel.memories[s.from.memory]!.k === 'private'
    const isUniform = !s.from.terms.some(({ index }) => this.isVarying(index))
    if (isUniform && !isPrivate) {
      return this.withAddress(s.from, true, (address, offset) => {
        if (this.#isSpreadRow(s.from, used)) {
          const row = this.keep(m.v128.load(offset, 4, address()), binaryen.v128)
          const spread = used.map(({ local, word }) => {
            const pattern = LANES.flatMap(() => [4 * word, 4 * word + 1, 4 * word + 2, 4 * word + 3])
            return m.local.set(this.splats.get(local)!, m.i8x16.shuffle(row.get(), row.get(), pattern))
          })
          return m.block(null, [row.set, ...spread])
        }
        return m.block(
          null,
          used.map(({ local, word }) => {
            if (!this.varies(local)) return this.#loadUniform(local, offset + 4 * word, address)
            return this.assign(s, local, m.v128.load32_splat(offset + 4 * word, 4, address()))
          }),
        )
      })
    }
    if (isUniform) {
      return this.privateAddress(s.from, (address, offset) =>
        m.block(
          null,
          used.map(({ local, word }) => this.assign(s, local, m.v128.load(offset + 16 * word, 4, address()))),
        ),
      )
    }
    if (!isPrivate && this.areNeighbours(s.from)) {
      const { local } = used[0]!
      return this.neighbours(s.from, (address, offset) =>
        this.assign(s, local, m.v128.load(offset, 4, address())),
      )
    }
    return this.laneAddresses(s.from, isPrivate, (addresses, offset, scale) => {
      const stride = s.from.terms.at(-1)?.stride ?? 1
      if (!isPrivate && used.length > 1 && stride % 4 === 0 && used.every(({ word }) => word < 4)) {
        const rows = LANES.map((lane) => this.keep(m.v128.load(offset, 4, addresses[lane]!()), binaryen.v128))
        return m.block(null, [
          ...rows.map(({ set }) => set),
          ...this.#transposed(
            rows.map(({ get }) => get),
            used,
            s,
          ),
        ])
      }
      return m.block(
        null,
        used.map(({ local, word }) => {
          const at = offset + scale * word
          const first = m.v128.load32_zero(at, 4, addresses[0]!())
          const gathered = [1, 2, 3].reduce(
            (vector, lane) => m.v128.load32_lane(at, 4, lane, addresses[lane]!(), vector),
            first,
          )
          return this.assign(s, local, gathered)
        }),
      )
    })
  }

  /**
   * Whether words that are the same in all lanes, and only read as vectors, fill one of memory. Engines keep loads in order
   * but not what they do with registers: fewer loads stand ready ahead of their use.
   */
  #isSpreadRow(ref: MemoryRef, used: readonly { local: number; word: number }[]): boolean {
    return (
      used.length > 2 &&
      (ref.terms.at(-1)?.stride ?? 0) % 4 === 0 &&
      used.every(
        ({ local, word }) =>
          word < 4 && !this.varies(local) && this.splats.has(local) && !this.scalars.has(local),
      )
    )
  }

  /** A word that is the same in all lanes, as what its readers need: a scalar, a vector, or both. */
  #loadUniform(local: number, offset: number, address: () => Code): Code {
    const { m } = this
    const splat = this.splats.get(local)
    const code: Code[] = []
    if (splat !== undefined) code.push(m.local.set(splat, m.v128.load32_splat(offset, 4, address())))
    if (splat === undefined || this.scalars.has(local))
      code.push(m.local.set(PARAMETERS + local, m.i32.load(offset, 4, address())))
    return code.length === 1 ? code[0]! : m.block(null, code)
  }

  /** The words of four rows, as one vector for each word. */
  #transposed(
    rows: readonly (() => Code)[],
    used: readonly { local: number; word: number }[],
    s: Statement,
  ): Code[] {
    const { m } = this
    const [r0, r1, r2, r3] = rows as [() => Code, () => Code, () => Code, () => Code]
    const words = (a: number, b: number, c: number, d: number) =>
      [a, b, c, d].flatMap((word) => [4 * word, 4 * word + 1, 4 * word + 2, 4 * word + 3])
    const low = used.some(({ word }) => word < 2)
    const high = used.some(({ word }) => word >= 2)
    const pairs = (pattern: readonly number[], needed: boolean) =>
      needed
        ? [
            this.keep(m.i8x16.shuffle(r0(), r1(), pattern), binaryen.v128),
            this.keep(m.i8x16.shuffle(r2(), r3(), pattern), binaryen.v128),
          ]
        : []
    // Words 0 and 1, then words 2 and 3, of two rows side by side.
    const lower = pairs(words(0, 4, 1, 5), low)
    const upper = pairs(words(2, 6, 3, 7), high)
    return [
      ...[...lower, ...upper].map(({ set }) => set),
      ...used.map(({ local, word }) => {
        const [first, second] = word < 2 ? lower : upper
        const pattern = word % 2 === 0 ? words(0, 1, 4, 5) : words(2, 3, 6, 7)
        return this.assign(s, local, m.i8x16.shuffle(first!.get(), second!.get(), pattern))
      }),
    ]
  }

  protected store(s: Statement & { k: 'store' }): Code {
    const { m } = this
    const isPrivate = this.kernel.memories[s.to.memory]!.k === 'private'
    const isUniform = !s.to.terms.some(({ index }) => this.isVarying(index))
    if (isUniform && !isPrivate && !s.values.some((value) => this.isVarying(value))) return super.statement(s)
    const values = s.values.map((value) => this.keep(this.vector(value), binaryen.v128))
    const sets = values.map(({ set }) => set)
    if (isUniform && isPrivate) {
      return m.block(null, [
        ...sets,
        this.privateAddress(s.to, (address, offset) =>
          m.block(
            null,
            values.map(({ get }, i) => {
              const at = offset + 16 * s.words[i]!
              return m.v128.store(
                at,
                4,
                address(),
                m.v128.bitselect(get(), m.v128.load(at, 4, address()), this.activeLanes()),
              )
            }),
          ),
        ),
      ])
    }
    if (!isPrivate && this.areNeighbours(s.to)) {
      const { get } = values[0]!
      return m.block(null, [
        ...sets,
        this.neighbours(s.to, (address, offset) =>
          m.if(
            m.i32.eq(m.local.get(this.last, binaryen.i32), m.i32.const(3)),
            m.v128.store(offset, 4, address(), get()),
            this.eachActive((lane) => m.v128.store32_lane(offset + 4 * lane, 4, lane, address(), get())),
          ),
        ),
      ])
    }
    return m.block(null, [
      ...sets,
      this.laneAddresses(s.to, isPrivate, (addresses, offset, scale) =>
        this.eachActive((lane) =>
          m.block(
            null,
            values.map(({ get }, i) =>
              m.v128.store32_lane(offset + scale * s.words[i]!, 4, lane, addresses[lane]!(), get()),
            ),
          ),
        ),
      ),
    ])
  }

  protected atomic(s: Statement & { k: 'atomic' }): Code {
    const { m } = this
    const value = this.keep(this.vector(s.value), binaryen.v128)
    const old = s.old === undefined || !this.reads.has(s.old) ? undefined : this.temp(binaryen.v128)
    const word = this.temp(binaryen.i32)
    return m.block(null, [
      value.set,
      this.laneAddresses(s.at, false, (addresses, offset) =>
        this.eachActive((lane) =>
          m.block(null, [
            m.local.set(word, m.i32.load(offset, 4, addresses[lane]!())),
            m.i32.store(
              offset,
              4,
              addresses[lane]!(),
              this.binaryCode(
                s.op,
                () => m.local.get(word, binaryen.i32),
                () => m.i32x4.extract_lane(value.get(), lane as never),
              ),
            ),
            ...(old === undefined
              ? []
              : [
                  m.local.set(
                    old,
                    m.i32x4.replace_lane(
                      m.local.get(old, binaryen.v128),
                      lane as never,
                      m.local.get(word, binaryen.i32),
                    ),
                  ),
                ]),
          ]),
        ),
      ),
      ...(old === undefined ? [] : [this.assign(s, s.old!, m.local.get(old, binaryen.v128))]),
    ])
  }
}
