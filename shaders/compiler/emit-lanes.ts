import binaryen from 'binaryen'
import { type Code, PARAMETERS, UniformEmitter } from './emit-uniform.ts'
import { exits } from './exits.ts'
import type { Expr, Kernel, MemoryRef, Statement } from './ir.ts'
import { LaneArithmetic } from './lane-arithmetic.ts'
import { formOf } from './lane-forms.ts'
import type { MemoryPlan } from './memory-plan.ts'
import { expressionVaries, type Uniformity } from './uniformity.ts'

const LANES = [0, 1, 2, 3] as const
const ZEROS = new Uint8Array(16)
/** The first locals are the invocation id, which nothing in the kernel assigns. */
const INVOCATION_LOCALS = 3
export const LANE_NUMBERS = new Uint8Array(Uint32Array.from(LANES).buffer)

/**
 * Emits four neighbouring invocations side by side: what is the same in all of them as scalars, the rest as vectors. Where
 * lanes part ways, a mask says which of them go on; what they write is blended or written lane by lane.
 */
export class LaneEmitter extends UniformEmitter {
  readonly #uniformity: Uniformity
  readonly #lanes: LaneArithmetic
  /** The lanes that go on: a mask, kept up to date. */
  readonly active: number
  /** The first of the four invocations, a multiple of four; and the last lane that is one of the invocations asked for. */
  readonly first: number
  readonly last: number
  /** Lane 0 of locals whose lanes follow each other by a step. */
  readonly #origins = new Map<number, number>()
  readonly #groupLimits = new Map<string, { local: number; memory: number; beyond: number }>()
  /** Divergent constructs that are open. In none, the lanes that go on are those from 0 to `last`. */
  #divergence = 0
  /** Lanes that have left a divergent block and wait for its end. */
  readonly #left = new Map<number, number>()
  /** Divergent blocks that are open, and the WASM labels that code can go on at: their ends, and those of arms of ifs. */
  readonly #open: number[] = []
  readonly #resume: string[] = []
  /** Vectors of uniform locals that are assigned once, made where they are assigned. */
  readonly #splats = new Map<number, number>()
  readonly #uniformSplats = new Map<number, number>()
  /** Uniform locals of which the scalar is needed as well. */
  readonly #scalars = new Set<number>()

  constructor(
    m: binaryen.Module,
    kernel: Kernel,
    plan: MemoryPlan,
    types: binaryen.Type[],
    uniformity: Uniformity,
  ) {
    super(m, kernel, plan, types)
    this.#uniformity = uniformity
    this.#lanes = new LaneArithmetic(m, (value) => this.keep(value, binaryen.v128))
    this.active = this.temp(binaryen.v128)
    this.first = this.temp(binaryen.i32)
    this.last = this.temp(binaryen.i32)
    this.#origins.set(0, this.first)
    this.#findSplats(kernel.body)
  }

  override prologue(): Code[] {
    const splats = [...this.#uniformSplats].map(([word, local]) =>
      this.m.local.set(local, this.m.i32x4.splat(this.m.local.get(this.uniformLocal(word), binaryen.i32))),
    )
    return [...super.prologue(), ...splats]
  }

  /** Code that stands before each group of invocations. */
  groupPrologue(): Code[] {
    const { m } = this
    return [...this.#groupLimits.values()].map(({ local, memory, beyond }) => {
      const less = () => m.i32.add(m.local.get(this.last, binaryen.i32), m.i32.const(beyond))
      return m.local.set(local, this.lengthLess(memory, 1, less))
    })
  }

  /** Consecutive low and high words of one product are made together. */
  override statements(list: readonly Statement[]): Code {
    const code: Code[] = []
    this.inList(list, (at) => {
      for (let i = 0; i < list.length; i++) {
        const s = list[i]!
        const next = list[i + 1]
        const pair = next === undefined ? undefined : this.#wideProduct(s, next)
        code.push(pair ?? at(i, () => this.statement(s)))
        if (pair !== undefined) i++
        const after = this.#leaveIfNoneIsLeft(pair === undefined ? s : next!)
        if (after !== undefined) code.push(after)
      }
    })
    return code.length === 1 ? code[0]! : this.m.block(null, code)
  }

  override statement(s: Statement): Code {
    const { m } = this
    switch (s.k) {
      case 'set':
        if (!this.#varies(s.local)) {
          const splat = this.#splats.get(s.local)
          const set = super.statement(s)
          return splat === undefined
            ? set
            : m.block(null, [
                set,
                m.local.set(splat, m.i32x4.splat(m.local.get(PARAMETERS + s.local, binaryen.i32))),
              ])
        }
        if (!this.reads.has(s.local)) return m.nop()
        if (!this.#uniformity.forms.has(s.local)) return this.#assign(s, s.local, this.vector(s.value))
        return m.block(null, [
          this.#setOrigin(s.local, s.value),
          this.#assign(s, s.local, this.vector(s.value)),
        ])
      case 'load':
        return this.#load(s)
      case 'store':
        return this.#store(s)
      case 'atomic':
        return this.#atomic(s)
      case 'if':
        return this.#uniformity.divergentIfs.has(s) ? this.#divergentIf(s) : super.statement(s)
      case 'block':
        return this.#uniformity.divergentBlocks.has(s.label) ? this.#divergentBlock(s) : super.statement(s)
      case 'exit':
        return this.#uniformity.divergentBlocks.has(s.label) ? this.#leave(s.label) : super.statement(s)
      default:
        return super.statement(s)
    }
  }

  /** Keeps lane 0 of a local whose lanes follow each other. */
  #setOrigin(local: number, value: Expr): Code {
    const origin = this.temp(binaryen.i32)
    this.#origins.set(local, origin)
    return this.m.local.set(origin, this.expr(value))
  }

  #varies(local: number): boolean {
    return this.#uniformity.varying.has(local)
  }

  #isVarying(e: Expr): boolean {
    return expressionVaries(e, this.#uniformity)
  }

  #active(): Code {
    return this.m.local.get(this.active, binaryen.v128)
  }

  #assign(s: Statement, local: number, value: Code): Code {
    const { m } = this
    const at = PARAMETERS + local
    if (this.#uniformity.atHome.get(s) === true) return m.local.set(at, value)
    return m.local.set(at, m.v128.bitselect(value, m.local.get(at, binaryen.v128), this.#active()))
  }

  // Control flow

  #divergentIf(s: Statement & { k: 'if' }): Code {
    const { m } = this
    const when = this.keep(this.vector(s.when), binaryen.v128)
    const before = this.keep(this.#active(), binaryen.v128)
    const arm = (body: readonly Statement[], mask: Code): Code[] => {
      const label = `arm${this.temp(binaryen.i32)}`
      this.#resume.push(label)
      this.#divergence++
      const inner = this.statements(body)
      this.#divergence--
      this.#resume.pop()
      return [m.local.set(this.active, mask), m.if(m.v128.any_true(this.#active()), m.block(label, [inner]))]
    }
    const yes = arm(s.yes, m.v128.and(before.get(), when.get()))
    const leaves = s.yes.length > 0 && mayLeave(s)
    if (s.no.length === 0) {
      const rest = leaves ? m.v128.or(this.#active(), m.v128.andnot(before.get(), when.get())) : before.get()
      return m.block(null, [when.set, before.set, ...yes, m.local.set(this.active, rest)])
    }
    const afterYes = this.keep(this.#active(), binaryen.v128)
    const no = arm(s.no, m.v128.andnot(before.get(), when.get()))
    const rest = leaves ? m.v128.or(this.#active(), afterYes.get()) : before.get()
    return m.block(null, [when.set, before.set, ...yes, afterYes.set, ...no, m.local.set(this.active, rest)])
  }

  #divergentBlock(s: Statement & { k: 'block' }): Code {
    const { m } = this
    const left = this.temp(binaryen.v128)
    this.#left.set(s.label, left)
    this.#open.push(s.label)
    this.#resume.push(`b${s.label}`)
    this.#divergence++
    const body = this.statements(s.body)
    this.#divergence--
    this.#resume.pop()
    this.#open.pop()
    return m.block(null, [
      m.local.set(left, m.v128.const(ZEROS)),
      m.block(`b${s.label}`, [body]),
      m.local.set(this.active, m.v128.or(this.#active(), m.local.get(left, binaryen.v128))),
    ])
  }

  /** The lanes that go on leave for the end of a block. */
  #leave(label: number): Code {
    const { m } = this
    const left = this.#left.get(label)!
    return m.block(null, [
      m.local.set(left, m.v128.or(m.local.get(left, binaryen.v128), this.#active())),
      m.local.set(this.active, m.v128.const(ZEROS)),
    ])
  }

  /** After a statement that lanes may leave from: where none goes on here, on to where the first of them may wait. */
  #leaveIfNoneIsLeft(s: Statement): Code | undefined {
    const { m } = this
    const resume = this.#resume.at(-1)
    if (resume === undefined || !this.#open.some((label) => exits([s], label))) return undefined
    if (s.k === 'exit') return m.br(resume)
    return m.br_if(resume, m.i32.eqz(m.v128.any_true(this.#active())))
  }

  // Memory

  #load(s: Statement & { k: 'load' }): Code {
    const { m } = this
    const used = s.to
      .map((local, i) => ({ local, word: s.words[i]! }))
      .filter(({ local }) => this.reads.has(local))
    if (used.length === 0) return m.nop()
    const isPrivate = this.kernel.memories[s.from.memory]!.k === 'private'
    const isUniform = !s.from.terms.some(({ index }) => this.#isVarying(index))
    if (isUniform && !isPrivate) {
      return this.withAddress(s.from, true, (address, offset) => {
        if (this.#isSpreadRow(s.from, used)) {
          const row = this.keep(m.v128.load(offset, 4, address()), binaryen.v128)
          const spread = used.map(({ local, word }) => {
            const pattern = LANES.flatMap(() => [4 * word, 4 * word + 1, 4 * word + 2, 4 * word + 3])
            return m.local.set(this.#splats.get(local)!, m.i8x16.shuffle(row.get(), row.get(), pattern))
          })
          return m.block(null, [row.set, ...spread])
        }
        return m.block(
          null,
          used.map(({ local, word }) => {
            if (!this.#varies(local)) return this.#loadUniform(local, offset + 4 * word, address)
            return this.#assign(s, local, m.v128.load32_splat(offset + 4 * word, 4, address()))
          }),
        )
      })
    }
    if (isUniform) {
      return this.#privateAddress(s.from, (address, offset) =>
        m.block(
          null,
          used.map(({ local, word }) =>
            this.#assign(s, local, m.v128.load(offset + 16 * word, 4, address())),
          ),
        ),
      )
    }
    if (!isPrivate && this.#areNeighbours(s.from)) {
      const { local } = used[0]!
      return this.#neighbours(s.from, (address, offset) =>
        this.#assign(s, local, m.v128.load(offset, 4, address())),
      )
    }
    return this.#laneAddresses(s.from, isPrivate, (addresses, offset, scale) => {
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
          return this.#assign(s, local, gathered)
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
          word < 4 && !this.#varies(local) && this.#splats.has(local) && !this.#scalars.has(local),
      )
    )
  }

  /** A word that is the same in all lanes, as what its readers need: a scalar, a vector, or both. */
  #loadUniform(local: number, offset: number, address: () => Code): Code {
    const { m } = this
    const splat = this.#splats.get(local)
    const code: Code[] = []
    if (splat !== undefined) code.push(m.local.set(splat, m.v128.load32_splat(offset, 4, address())))
    if (splat === undefined || this.#scalars.has(local))
      code.push(m.local.set(PARAMETERS + local, m.i32.load(offset, 4, address())))
    return code.length === 1 ? code[0]! : m.block(null, code)
  }

  /** Whether the lanes that go on are the first ones, and use a word each of which one follows the other. */
  #areNeighbours(ref: MemoryRef): boolean {
    if (this.#divergence > 0) return false
    const forms = ref.terms.map(({ index }) => formOf(index, this.#uniformity))
    const last = forms.at(-1)
    const follow = typeof last === 'object' && last.step === 1 && ref.terms.at(-1)!.stride === 1
    if (!follow || !forms.slice(0, -1).every((form) => form === 'uniform')) return false
    return ref.terms.length === 1 ? ref.terms[0]!.count === 0 : this.runOf(ref)?.inner !== undefined
  }

  /**
   * Calls `use` with the address of lane 0's word, behind which those of the other lanes lie. Lanes that are beyond the
   * invocations may lie beyond the buffer, by which a host keeps the memory longer than its buffers (memory-plan.ts).
   */
  #neighbours(ref: MemoryRef, use: (address: () => Code, offset: number) => Code): Code {
    const { m } = this
    const run = this.runOf(ref)
    if (run !== undefined) return this.inRun(ref, run, run.inner === undefined ? 'group' : 'invocation', use)
    const index = this.keep(this.expr(ref.terms[0]!.index))
    const base = this.base(ref.memory)
    const bytes = m.i32.shl(index.get(), m.i32.const(2))
    const address = this.keep(
      base.local === undefined ? bytes : m.i32.add(m.local.get(base.local, binaryen.i32), bytes),
    )
    return m.block(null, [
      index.set,
      this.trapFrom(index.get(), this.groupLimit(ref.memory, 0)),
      address.set,
      use(address.get, base.offset + 4 * ref.word),
    ])
  }

  protected override groupLimit(memory: number, beyond: number): Code {
    const key = `${memory} ${beyond}`
    let limit = this.#groupLimits.get(key)
    if (limit === undefined) {
      this.length(memory, 1)
      limit = { local: this.temp(binaryen.i32), memory, beyond }
      this.#groupLimits.set(key, limit)
    }
    return this.m.local.get(limit.local, binaryen.i32)
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
        return this.#assign(s, local, m.i8x16.shuffle(first!.get(), second!.get(), pattern))
      }),
    ]
  }

  #store(s: Statement & { k: 'store' }): Code {
    const { m } = this
    const isPrivate = this.kernel.memories[s.to.memory]!.k === 'private'
    const isUniform = !s.to.terms.some(({ index }) => this.#isVarying(index))
    if (isUniform && !isPrivate && !s.values.some((value) => this.#isVarying(value)))
      return super.statement(s)
    const values = s.values.map((value) => this.keep(this.vector(value), binaryen.v128))
    const sets = values.map(({ set }) => set)
    if (isUniform && isPrivate) {
      return m.block(null, [
        ...sets,
        this.#privateAddress(s.to, (address, offset) =>
          m.block(
            null,
            values.map(({ get }, i) => {
              const at = offset + 16 * s.words[i]!
              return m.v128.store(
                at,
                4,
                address(),
                m.v128.bitselect(get(), m.v128.load(at, 4, address()), this.#active()),
              )
            }),
          ),
        ),
      ])
    }
    if (!isPrivate && this.#areNeighbours(s.to)) {
      const { get } = values[0]!
      return m.block(null, [
        ...sets,
        this.#neighbours(s.to, (address, offset) =>
          m.if(
            m.i32.eq(m.local.get(this.last, binaryen.i32), m.i32.const(3)),
            m.v128.store(offset, 4, address(), get()),
            this.#eachActive((lane) => m.v128.store32_lane(offset + 4 * lane, 4, lane, address(), get())),
          ),
        ),
      ])
    }
    return m.block(null, [
      ...sets,
      this.#laneAddresses(s.to, isPrivate, (addresses, offset, scale) =>
        this.#eachActive((lane) =>
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

  #atomic(s: Statement & { k: 'atomic' }): Code {
    const { m } = this
    const value = this.keep(this.vector(s.value), binaryen.v128)
    const old = s.old === undefined || !this.reads.has(s.old) ? undefined : this.temp(binaryen.v128)
    const word = this.temp(binaryen.i32)
    return m.block(null, [
      value.set,
      this.#laneAddresses(s.at, false, (addresses, offset) =>
        this.#eachActive((lane) =>
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
      ...(old === undefined ? [] : [this.#assign(s, s.old!, m.local.get(old, binaryen.v128))]),
    ])
  }

  #eachActive(work: (lane: 0 | 1 | 2 | 3) => Code): Code {
    const { m } = this
    return m.block(
      null,
      LANES.map((lane) => m.if(m.i32x4.extract_lane(this.#active(), lane as never), work(lane))),
    )
  }

  /** Address of an array of the invocation at a uniform index: four lanes lie side by side. */
  #privateAddress(ref: MemoryRef, use: (address: () => Code, offset: number) => Code): Code {
    const wide: MemoryRef = {
      ...ref,
      word: 4 * ref.word,
      terms: ref.terms.map((term) => ({ ...term, stride: 4 * term.stride })),
    }
    return this.withAddress(wide, true, use)
  }

  /** A byte address for each lane; lanes that are switched off get that of element 0. */
  #laneAddresses(
    ref: MemoryRef,
    isPrivate: boolean,
    use: (addresses: readonly (() => Code)[], offset: number, scale: number) => Code,
  ): Code {
    const { m } = this
    const scale = isPrivate ? 16 : 4
    const code: Code[] = []
    let sum: Code | undefined
    for (const { index, stride, count } of ref.terms) {
      const lanes = this.keep(m.v128.and(this.vector(index), this.#active()), binaryen.v128)
      code.push(lanes.set)
      if (count === 0) {
        const beyond = m.i32x4.ge_u(lanes.get(), m.i32x4.splat(this.length(ref.memory, stride)))
        code.push(m.if(m.v128.any_true(beyond), m.unreachable()))
      }
      const by = scale * stride
      const bytes =
        (by & (by - 1)) === 0
          ? m.i32x4.shl(lanes.get(), m.i32.const(Math.log2(by)))
          : m.i32x4.mul(lanes.get(), m.i32x4.splat(m.i32.const(by)))
      sum = sum === undefined ? bytes : m.i32x4.add(sum, bytes)
    }
    const base = this.base(ref.memory)
    let vector = sum ?? m.v128.const(ZEROS)
    if (base.local !== undefined)
      vector = m.i32x4.add(vector, m.i32x4.splat(m.local.get(base.local, binaryen.i32)))
    const kept = this.keep(vector, binaryen.v128)
    const each = LANES.map((lane) => {
      const offset = isPrivate ? 4 * lane : 0
      const address = m.i32x4.extract_lane(kept.get(), lane as never)
      return this.keep(offset === 0 ? address : m.i32.add(address, m.i32.const(offset)))
    })
    return m.block(null, [
      ...code,
      kept.set,
      ...each.map(({ set }) => set),
      use(
        each.map(({ get }) => get),
        base.offset + scale * ref.word,
        scale,
      ),
    ])
  }

  protected override clear(base: number, words: number): Code {
    return super.clear(base, 4 * words)
  }

  // Expressions

  /** Of a value that the lanes do not share but follow each other in, that of lane 0. */
  override expr(e: Expr): Code {
    if (e.k === 'local' && this.#varies(e.local)) {
      const origin = this.#origins.get(e.local)
      if (origin === undefined) throw new Error('a value of each lane has no scalar')
      return this.m.local.get(origin, binaryen.i32)
    }
    return super.expr(e)
  }

  /** The value of an expression in each lane. */
  vector(e: Expr): Code {
    const { m } = this
    if (e.k === 'const')
      return m.v128.const(
        new Uint8Array(Uint32Array.from(LANES, () => (e.type === 'bool' ? -e.value : e.value)).buffer),
      )
    if (!this.#isVarying(e)) return this.#splat(e)
    switch (e.k) {
      case 'local':
        return m.local.get(PARAMETERS + e.local, binaryen.v128)
      case 'unary':
        return this.#unary(e)
      case 'select':
        if (!this.#isVarying(e.when))
          return m.select(this.expr(e.when), this.vector(e.yes), this.vector(e.no))
        return m.v128.bitselect(this.vector(e.yes), this.vector(e.no), this.vector(e.when))
      case 'binary': {
        if (e.op === 'rem_u' && typeof formOf(e, this.#uniformity) === 'object')
          return m.i32x4.add(m.i32x4.splat(this.expr(e)), m.v128.const(LANE_NUMBERS))
        const shift = e.op === 'shl' || e.op === 'shr_u' || e.op === 'shr_s'
        if (shift && !this.#isVarying(e.b)) return m.i32x4[e.op](this.vector(e.a), this.expr(e.b))
        if (e.type === 'bool' && (e.op === 'eq' || e.op === 'ne') && e.a.type === 'bool') {
          const differ = m.v128.xor(this.vector(e.a), this.vector(e.b))
          return e.op === 'ne' ? differ : m.v128.not(differ)
        }
        const direct = this.#lanes.binary(e.op, this.vector(e.a), this.vector(e.b))
        if (direct !== undefined) return direct
        return this.#division(e)
      }
      default:
        throw new Error('constants and uniforms do not vary')
    }
  }

  #splat(e: Expr): Code {
    const { m } = this
    if (e.k === 'local') {
      const known = this.#splats.get(e.local)
      if (known !== undefined) return m.local.get(known, binaryen.v128)
    }
    if (e.k === 'uniform') {
      let local = this.#uniformSplats.get(e.word)
      if (local === undefined) {
        this.uniformLocal(e.word)
        local = this.temp(binaryen.v128)
        this.#uniformSplats.set(e.word, local)
      }
      return m.local.get(local, binaryen.v128)
    }
    const scalar = this.expr(e)
    return m.i32x4.splat(e.type === 'bool' ? m.i32.sub(m.i32.const(0), scalar) : scalar)
  }

  #unary(e: Expr & { k: 'unary' }): Code {
    const { m } = this
    const a = this.vector(e.a)
    switch (e.op) {
      case 'to_f32':
      case 'to_i32':
      case 'to_u32':
        return a
      case 'neg':
        return m.i32x4.neg(a)
      case 'complement':
      case 'not':
        return m.v128.not(a)
      case 'abs':
        return m.i32x4.abs(a)
      case 'clz':
        return this.#lanes.leadingZeros(a)
      case 'ctz':
      case 'popcnt': {
        const { op } = e
        const kept = this.keep(a, binaryen.v128)
        const lanes = LANES.map((lane) => m.i32[op](m.i32x4.extract_lane(kept.get(), lane as never)))
        return m.block(null, [kept.set, this.#lanes.oneByOne(lanes)], binaryen.v128)
      }
    }
  }

  /** Lane by lane; lanes that are switched off divide by all ones. */
  #division(e: Expr & { k: 'binary' }): Code {
    const { m } = this
    const a = this.keep(this.vector(e.a), binaryen.v128)
    const b = this.keep(m.v128.or(this.vector(e.b), m.v128.not(this.#active())), binaryen.v128)
    const lanes = LANES.map((lane) =>
      this.binaryCode(
        e.op,
        () => m.i32x4.extract_lane(a.get(), lane as never),
        () => m.i32x4.extract_lane(b.get(), lane as never),
      ),
    )
    return m.block(null, [a.set, b.set, this.#lanes.oneByOne(lanes)], binaryen.v128)
  }

  /** `low = a * b` followed by `high = mul_high(a, b)`. */
  #wideProduct(s: Statement, next: Statement): Code | undefined {
    if (s.k !== 'set' || next.k !== 'set' || s.value.k !== 'binary' || next.value.k !== 'binary')
      return undefined
    if (
      s.value.op !== 'mul' ||
      next.value.op !== 'mul_high' ||
      s.value.a !== next.value.a ||
      s.value.b !== next.value.b
    )
      return undefined
    if (
      !this.#varies(s.local) ||
      !this.#varies(next.local) ||
      !this.reads.has(s.local) ||
      !this.reads.has(next.local)
    )
      return undefined
    const both = this.#lanes.wideProduct(
      this.vector(s.value.a),
      this.vector(s.value.b),
      (value) => this.#assign(s, s.local, value),
      (value) => this.#assign(next, next.local, value),
    )
    if (!this.#uniformity.forms.has(s.local)) return both
    return this.m.block(null, [this.#setOrigin(s.local, s.value), both])
  }

  /** Uniform locals that are assigned once and read by varying expressions; and those that are read by uniform ones. */
  #findSplats(list: readonly Statement[]): void {
    const visit = (e: Expr, inVector: boolean): void => {
      if (e.k === 'local') {
        const isOnce =
          e.local >= INVOCATION_LOCALS &&
          this.kernel.locals[e.local]!.once &&
          !this.#varies(e.local) &&
          e.type !== 'bool'
        if (!inVector || !isOnce) this.#scalars.add(e.local)
        else if (!this.#splats.has(e.local)) this.#splats.set(e.local, this.temp(binaryen.v128))
        return
      }
      const vector = this.#isVarying(e)
      // An operation on uniform values is done once and then spread, one on lanes that follow each other also for lane 0.
      const part = (inner: Expr, whole: boolean) => {
        visit(inner, whole)
        if (whole && typeof formOf(e, this.#uniformity) === 'object') visit(inner, false)
      }
      if (e.k === 'unary') part(e.a, vector)
      else if (e.k === 'binary') {
        const scalarAmount = e.op === 'shl' || e.op === 'shr_u' || e.op === 'shr_s'
        part(e.a, vector)
        part(e.b, vector && !(scalarAmount && !this.#isVarying(e.b)))
      } else if (e.k === 'select') {
        visit(e.when, vector && this.#isVarying(e.when))
        visit(e.yes, vector)
        visit(e.no, vector)
      }
    }
    const indices = (ref: MemoryRef) => {
      for (const { index } of ref.terms) {
        visit(index, this.#isVarying(index))
        visit(index, false)
      }
    }
    for (const s of list) {
      if (s.k === 'set') visit(s.value, this.#varies(s.local))
      else if (s.k === 'load') indices(s.from)
      else if (s.k === 'store') {
        indices(s.to)
        for (const value of s.values) {
          visit(value, true)
          visit(value, false)
        }
      } else if (s.k === 'atomic') {
        indices(s.at)
        visit(s.value, true)
      } else if (s.k === 'if') {
        visit(s.when, this.#isVarying(s.when))
        this.#findSplats(s.yes)
        this.#findSplats(s.no)
      } else if (s.k === 'block' || s.k === 'loop') this.#findSplats(s.body)
    }
  }
}

/** Whether some lanes of a statement may go on elsewhere than at its end. */
function mayLeave(s: Statement): boolean {
  switch (s.k) {
    case 'exit':
      return true
    case 'if':
      return s.yes.some(mayLeave) || s.no.some(mayLeave)
    case 'block':
    case 'loop':
      return s.body.some(mayLeave)
    default:
      return false
  }
}
