import binaryen from 'binaryen'
import type { BinaryOp, Expr, Kernel, MemoryRef, Statement, UnaryOp } from './ir.ts'
import { HEADER, type MemoryPlan } from './memory-plan.ts'

export type Code = binaryen.ExpressionRef

/** Parameters of the exported function: first invocation, end, and gid.y. */
export const PARAMETERS = 3

/**
 * Emits the intermediate form with one WASM value a local: what one invocation does, or what all lanes of four do alike.
 * A bool is an i32 of 0 or 1.
 */
export class UniformEmitter {
  protected readonly m: binaryen.Module
  protected readonly kernel: Kernel
  protected readonly plan: MemoryPlan
  /** Types of the WASM locals after the parameters. */
  readonly types: binaryen.Type[]
  readonly #uniforms = new Map<number, number>()
  readonly #bases = new Map<number, number>()
  readonly #lengths = new Map<number, number>()
  readonly #limits = new Map<string, Limit>()
  /** Where emission stands: the statements of the innermost block, and the one that is emitted now. */
  #list: readonly Statement[] = []
  #at = 0
  /** Elements that code before this, on every way to it, has checked, by buffer and local. */
  #checked = new Map<string, Checked>()
  /** Locals that are assigned once, and are the sum of another one and a constant. */
  readonly #sums: ReadonlyMap<number, Expr>
  protected readonly reads: ReadonlySet<number>

  constructor(m: binaryen.Module, kernel: Kernel, plan: MemoryPlan, types: binaryen.Type[]) {
    this.m = m
    this.kernel = kernel
    this.plan = plan
    this.types = types
    this.reads = readLocals(kernel.body)
    this.#sums = sumsOf(kernel)
  }

  /** @returns the index of a new WASM local */
  temp(type: binaryen.Type): number {
    this.types.push(type)
    return PARAMETERS + this.types.length - 1
  }

  /** Code that stands once before the invocations: words of the uniform, addresses and lengths of buffers. */
  prologue(): Code[] {
    const { m } = this
    const load = (at: number) => m.i32.load(at, 4, m.i32.const(0))
    const code: Code[] = []
    for (const [binding, local] of this.#bases)
      code.push(m.local.set(local, load(HEADER.bases + 4 * binding)))
    for (const [binding, local] of this.#lengths)
      code.push(m.local.set(local, load(HEADER.lengths + 4 * binding)))
    for (const { local, memory, stride, beyond } of this.#limits.values())
      code.push(
        m.local.set(
          local,
          this.lengthLess(memory, stride, () => m.i32.const(beyond)),
        ),
      )
    const uniformBase = () => load(HEADER.bases)
    for (const [word, local] of this.#uniforms)
      code.push(m.local.set(local, m.i32.load(4 * word, 4, uniformBase())))
    return code
  }

  statements(list: readonly Statement[]): Code {
    const code = this.inList(list, (at) => list.map((statement, i) => at(i, () => this.statement(statement))))
    return code.length === 1 ? code[0]! : this.m.block(null, code)
  }

  /** Emits a list. What is checked within it is not known after it: it may be left early, or never be entered. */
  protected inList<T>(
    list: readonly Statement[],
    work: (at: <U>(index: number, emit: () => U) => U) => T,
  ): T {
    const outer = { list: this.#list, at: this.#at, checked: this.#checked }
    this.#list = list
    this.#checked = new Map(outer.checked)
    const result = work((index, emit) => {
      this.#at = index
      return emit()
    })
    this.#list = outer.list
    this.#at = outer.at
    this.#checked = outer.checked
    return result
  }

  statement(s: Statement): Code {
    const { m } = this
    switch (s.k) {
      case 'declare':
        return m.nop()
      case 'set':
        return this.reads.has(s.local) ? m.local.set(PARAMETERS + s.local, this.expr(s.value)) : m.nop()
      case 'load': {
        const used = s.to
          .map((local, i) => ({ local, word: s.words[i]! }))
          .filter(({ local }) => this.reads.has(local))
        if (used.length === 0) return m.nop()
        return this.withAddress(s.from, used.length > 1, (address, offset) =>
          m.block(
            null,
            used.map(({ local, word }) =>
              m.local.set(PARAMETERS + local, m.i32.load(offset + 4 * word, 4, address())),
            ),
          ),
        )
      }
      case 'store': {
        const values = s.values.map((value) => this.keep(this.expr(value)))
        return m.block(null, [
          ...values.map(({ set }) => set),
          this.withAddress(s.to, values.length > 1, (address, offset) =>
            m.block(
              null,
              values.map(({ get }, i) => m.i32.store(offset + 4 * s.words[i]!, 4, address(), get())),
            ),
          ),
        ])
      }
      case 'atomic': {
        const value = this.keep(this.expr(s.value))
        return m.block(null, [
          value.set,
          this.withAddress(s.at, true, (address, offset) => this.update(s, address, offset, value.get)),
        ])
      }
      case 'clear': {
        const { base, words } = this.plan.privates.get(s.memory)!
        return this.clear(base, words)
      }
      case 'if':
        return s.no.length === 0
          ? m.if(this.expr(s.when), this.statements(s.yes))
          : m.if(this.expr(s.when), this.statements(s.yes), this.statements(s.no))
      case 'block':
        return this.#countedLoop(s) ?? m.block(`b${s.label}`, [this.statements(s.body)])
      case 'loop': {
        const label = `l${this.types.length}_${s.place.line}`
        const local = this.temp(binaryen.i32)
        return m.loop(
          `${label}_${local}`,
          m.block(null, [this.statements(s.body), m.br(`${label}_${local}`)]),
        )
      }
      case 'exit':
        return m.br(`b${s.label}`)
    }
  }

  /**
   * A loop that begins with its test, with the test before it and at its end instead. An engine moves out of a loop only
   * what runs in every round: what stands behind a test at the loop's begin, such as the address of a row, does not.
   */
  #countedLoop(s: Statement & { k: 'block' }): Code | undefined {
    const { m } = this
    const [loop, ...more] = s.body
    if (loop?.k !== 'loop' || more.length > 0) return undefined
    const [test, ...body] = loop.body
    if (test?.k !== 'if' || test.no.length > 0 || test.yes.length !== 1) return undefined
    const [leave] = test.yes
    if (leave?.k !== 'exit' || leave.label !== s.label) return undefined
    const label = `l${this.temp(binaryen.i32)}_${loop.place.line}`
    return m.block(`b${s.label}`, [
      m.br_if(`b${s.label}`, this.expr(test.when)),
      m.loop(label, m.block(null, [this.statements(body), m.br_if(label, m.i32.eqz(this.expr(test.when)))])),
    ])
  }

  /** Adds, or whatever the operation is, at an address; an `old` that is read gets what stood there. */
  protected update(
    s: Statement & { k: 'atomic' },
    address: () => Code,
    offset: number,
    value: () => Code,
  ): Code {
    const { m } = this
    const old = PARAMETERS + (s.old ?? this.temp(binaryen.i32) - PARAMETERS)
    return m.block(null, [
      m.local.set(old, m.i32.load(offset, 4, address())),
      m.i32.store(
        offset,
        4,
        address(),
        this.binaryCode(s.op, () => m.local.get(old, binaryen.i32), value),
      ),
    ])
  }

  protected clear(base: number, words: number): Code {
    const { m } = this
    if (words <= 16)
      return m.block(
        null,
        Array.from({ length: words }, (_, i) => m.i32.store(base + 4 * i, 4, m.i32.const(0), m.i32.const(0))),
      )
    const at = this.temp(binaryen.i32)
    const label = `clear${at}`
    return m.block(null, [
      m.local.set(at, m.i32.const(4 * words)),
      m.loop(
        label,
        m.block(null, [
          m.i32.store(
            base,
            4,
            m.local.tee(at, m.i32.sub(m.local.get(at, binaryen.i32), m.i32.const(4)), binaryen.i32),
            m.i32.const(0),
          ),
          m.br_if(label, m.local.get(at, binaryen.i32)),
        ]),
      ),
    ])
  }

  /**
   * Calls `use` with the byte address of a reference, apart from an offset that instructions carry. An index beyond a
   * runtime-sized buffer traps: no address leaves its binding.
   */
  protected withAddress(
    ref: MemoryRef,
    several: boolean,
    use: (address: () => Code, offset: number) => Code,
  ): Code {
    const { m } = this
    const run = this.runOf(ref)
    if (run !== undefined) return this.inRun(ref, run, 'invocation', use)
    const code: Code[] = []
    let sum: Code | undefined
    let offset = 4 * ref.word
    for (const { index, stride, count } of ref.terms) {
      if (index.k === 'const' && count > 0) {
        offset += 4 * stride * index.value
        continue
      }
      const value = this.keep(this.expr(index))
      code.push(value.set)
      if (count === 0) code.push(this.trapFrom(value.get(), this.limit(ref.memory, stride, 0)))
      const bytes = scaled(m, value.get(), 4 * stride)
      sum = sum === undefined ? bytes : m.i32.add(sum, bytes)
    }
    const base = this.base(ref.memory)
    offset += base.offset
    let address: Code = sum ?? m.i32.const(0)
    if (base.local !== undefined) {
      const start = m.local.get(base.local, binaryen.i32)
      address = sum === undefined ? start : m.i32.add(start, sum)
    }
    if (!several) return m.block(null, [...code, use(() => address, offset)])
    const kept = this.keep(address)
    return m.block(null, [...code, kept.set, use(kept.get, offset)])
  }

  /**
   * An index of a runtime-sized buffer that is a local assigned once, plus a constant: neighbours share check and address.
   * Within a row of fixed size, which the prover has seen to be large enough, follow constants and perhaps one local.
   */
  protected runOf(ref: MemoryRef): Run | undefined {
    const [term, ...fixed] = ref.terms
    if (term === undefined || term.count !== 0) return undefined
    const outer = this.#localPlus(term.index)
    if (outer === undefined) return undefined
    let { word } = ref
    let inner: Run['inner']
    for (const { index, stride } of fixed) {
      const part = index.k === 'const' ? { local: undefined, constant: index.value } : this.#localPlus(index)
      if (part === undefined) return undefined
      word += stride * part.constant
      if (part.local === undefined) continue
      if (inner !== undefined) return undefined
      inner = { local: part.local, stride }
    }
    return { ...outer, stride: term.stride, word, inner }
  }

  #localPlus(whole: Expr): { readonly local: number; readonly constant: number } | undefined {
    let index = whole
    let constant = 0
    for (;;) {
      const sum = index.k === 'local' ? this.#sums.get(index.local) : index
      if (sum?.k !== 'binary' || sum.op !== 'add') break
      const [rest, by] = sum.a.k === 'const' ? [sum.b, sum.a] : [sum.a, sum.b]
      if (by.k !== 'const' || constant + by.value > RUN_MAX) break
      constant += by.value
      index = rest
    }
    if (index.k !== 'local' || !this.kernel.locals[index.local]!.once) return undefined
    return { local: index.local, constant }
  }

  /**
   * The first use of a run checks the furthest element that the statements after it reach, up to where control may part:
   * from local + constant < length, without wrapping, the same follows for all lesser constants.
   * @param reach whether the element of one invocation is used, or those of a group of lanes that follow each other
   */
  protected inRun(
    ref: MemoryRef,
    { local, stride, constant, word, inner }: Run,
    reach: 'invocation' | 'group',
    use: (address: () => Code, offset: number) => Code,
  ): Code {
    const { m } = this
    const key = `${ref.memory} ${local} ${reach} ${inner?.local} ${inner?.stride}`
    const base = this.base(ref.memory)
    const value = () => this.expr({ k: 'local', type: 'u32', local })
    const code: Code[] = []
    let known = this.#checked.get(key)
    if (known === undefined || known.furthest < constant) {
      const furthest = Math.max(constant, this.#furthest(ref.memory, local))
      const limit =
        reach === 'group' ? this.groupLimit(ref.memory, furthest) : this.limit(ref.memory, stride, furthest)
      code.push(this.trapFrom(value(), limit))
      const address = known?.address ?? this.temp(binaryen.i32)
      if (known === undefined) {
        const row = scaled(m, value(), 4 * stride)
        const within = inner && this.expr({ k: 'local', type: 'u32', local: inner.local })
        const bytes = within === undefined ? row : m.i32.add(row, scaled(m, within, 4 * inner!.stride))
        const start =
          base.local === undefined ? bytes : m.i32.add(m.local.get(base.local, binaryen.i32), bytes)
        code.push(m.local.set(address, start))
      }
      known = { furthest, address }
      this.#checked.set(key, known)
    }
    const { address } = known
    const offset = base.offset + 4 * (stride * constant + word)
    return m.block(null, [...code, use(() => m.local.get(address, binaryen.i32), offset)])
  }

  /** The largest constant that the statements from here on add to a local as an index, up to where control may part. */
  #furthest(memory: number, local: number): number {
    let furthest = 0
    for (const s of this.#list.slice(this.#at)) {
      const ref = s.k === 'load' ? s.from : s.k === 'store' ? s.to : s.k === 'atomic' ? s.at : undefined
      if (ref?.memory === memory) {
        const run = this.runOf(ref)
        if (run?.local === local) furthest = Math.max(furthest, run.constant)
      } else if (s.k === 'if' || s.k === 'block' || s.k === 'loop' || s.k === 'exit') break
    }
    return furthest
  }

  protected trapFrom(index: Code, limit: Code): Code {
    return this.m.if(this.m.i32.ge_u(index, limit), this.m.unreachable())
  }

  /** The first index that is out of bounds, where `beyond` elements after it are used as well. */
  protected limit(memory: number, stride: number, beyond: number): Code {
    const key = `${memory} ${stride} ${beyond}`
    let limit = this.#limits.get(key)
    if (limit === undefined) {
      this.length(memory, stride)
      limit = { local: this.temp(binaryen.i32), memory, stride, beyond }
      this.#limits.set(key, limit)
    }
    return this.m.local.get(limit.local, binaryen.i32)
  }

  /** The same of unit stride, where the last lanes of the group may be beyond the invocations. */
  protected groupLimit(_memory: number, _beyond: number): Code {
    throw new Error('one invocation has no lanes')
  }

  /** Elements of a buffer less a number; 0 where that is more. */
  protected lengthLess(memory: number, stride: number, less: () => Code): Code {
    const { m } = this
    return m.select(
      m.i32.gt_u(this.length(memory, stride), less()),
      m.i32.sub(this.length(memory, stride), less()),
      m.i32.const(0),
    )
  }

  /** Elements of a runtime-sized buffer. */
  protected length(memory: number, stride: number): Code {
    const { m } = this
    const info = this.kernel.memories[memory]!
    if (info.k !== 'storage') throw new Error('only buffers have a length at run time')
    const words = m.local.get(this.#headerLocal(this.#lengths, info.binding), binaryen.i32)
    if (stride === 1) return words
    return (stride & (stride - 1)) === 0
      ? m.i32.shr_u(words, m.i32.const(Math.log2(stride)))
      : m.i32.div_u(words, m.i32.const(stride))
  }

  /** Where a memory begins: a fixed place, or a local that holds it. */
  protected base(memory: number): { readonly local: number | undefined; readonly offset: number } {
    const info = this.kernel.memories[memory]!
    if (info.k === 'storage') return { local: this.#headerLocal(this.#bases, info.binding), offset: 0 }
    const { base } = (info.k === 'private' ? this.plan.privates : this.plan.constants).get(memory)!
    return { local: undefined, offset: base }
  }

  #headerLocal(map: Map<number, number>, binding: number): number {
    let local = map.get(binding)
    if (local === undefined) {
      local = this.temp(binaryen.i32)
      map.set(binding, local)
    }
    return local
  }

  protected uniformLocal(word: number): number {
    return this.#headerLocal(this.#uniforms, word)
  }

  /** Puts a value into a local, to be read any number of times. */
  keep(value: Code, type: binaryen.Type = binaryen.i32): { readonly set: Code; readonly get: () => Code } {
    const local = this.temp(type)
    return { set: this.m.local.set(local, value), get: () => this.m.local.get(local, type) }
  }

  /** A value that an operation reads twice: again and again where that costs nothing, else through a local. */
  #twice(e: Expr): [first: () => Code, again: () => Code] {
    if (e.k === 'const' || e.k === 'local' || e.k === 'uniform')
      return [() => this.expr(e), () => this.expr(e)]
    const local = this.temp(binaryen.i32)
    return [
      () => this.m.local.tee(local, this.expr(e), binaryen.i32),
      () => this.m.local.get(local, binaryen.i32),
    ]
  }

  expr(e: Expr): Code {
    const { m } = this
    switch (e.k) {
      case 'const':
        return m.i32.const(e.value | 0)
      case 'local':
        return m.local.get(PARAMETERS + e.local, binaryen.i32)
      case 'uniform':
        return m.local.get(this.uniformLocal(e.word), binaryen.i32)
      case 'unary':
        return this.#unary(e.op, e.a)
      case 'binary': {
        if (e.op.startsWith('min_') || e.op.startsWith('max_')) {
          // WASM evaluates the condition of a select last.
          const [a, aAgain] = this.#twice(e.a)
          const [b, bAgain] = this.#twice(e.b)
          return m.select(
            this.#compare(`${e.op.startsWith('min') ? 'lt' : 'gt'}_${e.op.at(-1)}`, aAgain(), bAgain()),
            a(),
            b(),
          )
        }
        return this.binaryCode(
          e.op,
          () => this.expr(e.a),
          () => this.expr(e.b),
        )
      }
      case 'select':
        return m.select(this.expr(e.when), this.expr(e.yes), this.expr(e.no))
    }
  }

  #unary(op: UnaryOp, a: Expr): Code {
    const { m } = this
    switch (op) {
      case 'to_f32':
      case 'to_i32':
      case 'to_u32':
        return this.expr(a)
      case 'neg':
        return m.i32.sub(m.i32.const(0), this.expr(a))
      case 'complement':
        return m.i32.xor(this.expr(a), m.i32.const(-1))
      case 'not':
        return m.i32.eqz(this.expr(a))
      case 'clz':
        return m.i32.clz(this.expr(a))
      case 'ctz':
        return m.i32.ctz(this.expr(a))
      case 'popcnt':
        return m.i32.popcnt(this.expr(a))
      case 'abs': {
        const [first, again] = this.#twice(a)
        const sign = this.temp(binaryen.i32)
        const mask = m.local.tee(sign, m.i32.shr_s(first(), m.i32.const(31)), binaryen.i32)
        return m.i32.sub(m.i32.xor(mask, again()), m.local.get(sign, binaryen.i32))
      }
    }
  }

  #compare(op: string, a: Code, b: Code): Code {
    const { i32 } = this.m
    return (i32 as unknown as Record<string, (a: Code, b: Code) => Code>)[op]!(a, b)
  }

  /** @param a gives the operand's code; called once, except for minima and maxima, where it must be a plain read */
  protected binaryCode(op: BinaryOp, a: () => Code, b: () => Code): Code {
    const { m } = this
    switch (op) {
      case 'mul_high':
        return m.i32.wrap(m.i64.shr_u(m.i64.mul(m.i64.extend_u(a()), m.i64.extend_u(b())), m.i64.const(32n)))
      case 'dot2_i16': {
        const left = this.keep(a())
        const right = this.keep(b())
        const low = (x: Code) => m.i32.shr_s(m.i32.shl(x, m.i32.const(16)), m.i32.const(16))
        const high = (x: Code) => m.i32.shr_s(x, m.i32.const(16))
        return m.block(
          null,
          [
            left.set,
            right.set,
            m.i32.add(
              m.i32.mul(low(left.get()), low(right.get())),
              m.i32.mul(high(left.get()), high(right.get())),
            ),
          ],
          binaryen.i32,
        )
      }
      case 'min_u':
      case 'min_s':
      case 'max_u':
      case 'max_s':
        return m.select(
          this.#compare(`${op.startsWith('min') ? 'lt' : 'gt'}_${op.at(-1)}`, a(), b()),
          a(),
          b(),
        )
      default:
        return this.#compare(op, a(), b())
    }
  }
}

/** local + constant, as an index of elements of so many words. */
interface Run {
  readonly local: number
  readonly stride: number
  readonly constant: number
  /** Words from the element's begin, and a local that adds to them. */
  readonly word: number
  readonly inner: { readonly local: number; readonly stride: number } | undefined
}

interface Checked {
  /** The largest constant for which the index is known to be within its buffer. */
  readonly furthest: number
  /** WASM local with the byte address of element `local`. */
  readonly address: number
}

/** A WASM local with the number of elements of a buffer, less some. */
interface Limit {
  readonly local: number
  readonly memory: number
  readonly stride: number
  readonly beyond: number
}

/** Instructions carry the constant as an offset in bytes. */
const RUN_MAX = 2 ** 20

export function scaled(m: binaryen.Module, value: Code, by: number): Code {
  return (by & (by - 1)) === 0
    ? m.i32.shl(value, m.i32.const(Math.log2(by)))
    : m.i32.mul(value, m.i32.const(by))
}

/** @returns locals that are assigned once, the sum of another such local and a constant, with that sum */
function sumsOf(kernel: Kernel): ReadonlyMap<number, Expr> {
  const sums = new Map<number, Expr>()
  const once = (e: Expr) => e.k === 'const' || (e.k === 'local' && kernel.locals[e.local]!.once)
  const walk = (list: readonly Statement[]): void => {
    for (const s of list) {
      if (s.k === 'set' && kernel.locals[s.local]!.once) {
        const { value } = s
        if (value.k === 'binary' && value.op === 'add' && once(value.a) && once(value.b))
          sums.set(s.local, value)
      } else if (s.k === 'if') {
        walk(s.yes)
        walk(s.no)
      } else if (s.k === 'block' || s.k === 'loop') walk(s.body)
    }
  }
  walk(kernel.body)
  return sums
}

/** Locals whose value is needed somewhere. */
function readLocals(body: readonly Statement[]): ReadonlySet<number> {
  const reads = new Set<number>()
  const visit = (e: Expr): void => {
    if (e.k === 'local') reads.add(e.local)
    else if (e.k === 'unary') visit(e.a)
    else if (e.k === 'binary') {
      visit(e.a)
      visit(e.b)
    } else if (e.k === 'select') {
      visit(e.when)
      visit(e.yes)
      visit(e.no)
    }
  }
  const walk = (list: readonly Statement[]): void => {
    for (const s of list) {
      if (s.k === 'set') visit(s.value)
      else if (s.k === 'load') for (const { index } of s.from.terms) visit(index)
      else if (s.k === 'store') {
        for (const { index } of s.to.terms) visit(index)
        for (const value of s.values) visit(value)
      } else if (s.k === 'atomic') {
        for (const { index } of s.at.terms) visit(index)
        visit(s.value)
      } else if (s.k === 'if') {
        visit(s.when)
        walk(s.yes)
        walk(s.no)
      } else if (s.k === 'block' || s.k === 'loop') walk(s.body)
    }
  }
  walk(body)
  return reads
}
