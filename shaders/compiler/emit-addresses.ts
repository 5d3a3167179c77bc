import binaryen from 'binaryen'
import { type Code, ValueEmitter } from './emit-values.ts'
import type { Expr, Kernel, MemoryRef, Statement } from './ir.ts'
import { sumsOf } from './locals.ts'
import type { MemoryPlan } from './memory-plan.ts'

/** Emits addresses of what statements load and store, and the checks that they are within their buffers. */
export class AddressEmitter extends ValueEmitter {
  readonly #limits = new Map<string, Limit>()
  /** Where emission stands: the statements of the innermost block, and the one that is emitted now. */
  #list: readonly Statement[] = []
  #at = 0
  /** Elements that code before this, on every way to it, has checked, by buffer and local. */
  #checked = new Map<string, Checked>()
  /** Locals that are assigned once, and are the sum of another one and a constant. */
  readonly #sums: ReadonlyMap<number, Expr>

  constructor(m: binaryen.Module, kernel: Kernel, plan: MemoryPlan, types: binaryen.Type[]) {
    super(m, kernel, plan, types)
    this.#sums = sumsOf(kernel)
  }

  protected override limitCode(): Code[] {
    const { m } = this
    return [...this.#limits.values()].map(({ local, memory, stride, beyond }) =>
      m.local.set(
        local,
        this.lengthLess(memory, stride, () => m.i32.const(beyond)),
      ),
    )
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
    run: Run,
    reach: Reach,
    use: (address: () => Code, offset: number) => Code,
  ): Code {
    const { m } = this
    const code = this.#check({ memory: ref.memory, run, reach })
    const { address } = this.#checked.get(keyOf({ memory: ref.memory, run, reach }))!
    const { stride, constant, word } = run
    const offset = this.base(ref.memory).offset + 4 * (stride * constant + word)
    return m.block(null, [...code, use(() => m.local.get(address, binaryen.i32), offset)])
  }

  /**
   * Code that checks a run where that is not known yet, and with it those of the loads that follow: an engine moves out of
   * a loop what runs in every round, and does not see that of what stands behind the check of another buffer. Of the
   * matrix product, each step then begins with three multiplications less.
   */
  #check(first: Access): Code[] {
    const { m } = this
    if (this.#isChecked(first)) return []
    const conditions: Code[] = []
    const addresses: Code[] = []
    for (const access of [first, ...this.#loadsAhead()]) {
      if (this.#isChecked(access)) continue
      const { memory, reach } = access
      const { local, stride, constant, inner } = access.run
      const value = () => this.expr({ k: 'local', type: 'u32', local })
      const known = this.#checked.get(keyOf(access))
      const base = this.base(memory)
      const furthest = Math.max(constant, this.#furthest(memory, local))
      const limit =
        reach === 'group' ? this.groupLimit(memory, furthest) : this.limit(memory, stride, furthest)
      conditions.push(m.i32.ge_u(value(), limit))
      const address = known?.address ?? this.temp(binaryen.i32)
      if (known === undefined) {
        const row = scaled(m, value(), 4 * stride)
        const within = inner && this.expr({ k: 'local', type: 'u32', local: inner.local })
        const bytes = within === undefined ? row : m.i32.add(row, scaled(m, within, 4 * inner!.stride))
        const start =
          base.local === undefined ? bytes : m.i32.add(m.local.get(base.local, binaryen.i32), bytes)
        addresses.push(m.local.set(address, start))
      }
      this.#checked.set(keyOf(access), { furthest, address })
    }
    const beyond = conditions.reduce((any, condition) => m.i32.or(any, condition))
    return [m.if(beyond, m.unreachable()), ...addresses]
  }

  #isChecked(access: Access): boolean {
    const known = this.#checked.get(keyOf(access))
    return known !== undefined && known.furthest >= access.run.constant
  }

  /** Runs that the loads from here on use, up to where control may part, of which the index is known here. */
  #loadsAhead(): Access[] {
    const ahead: Access[] = []
    const assigned = new Set<number>()
    for (const s of this.#list.slice(this.#at)) {
      if (s.k === 'if' || s.k === 'block' || s.k === 'loop' || s.k === 'exit') break
      if (s.k === 'load' && s.to.some((local) => this.reads.has(local))) {
        const run = this.runOf(s.from)
        const reach = run && this.reachOf(s.from, run)
        const isKnown = run && !assigned.has(run.local) && !(run.inner && assigned.has(run.inner.local))
        if (run !== undefined && reach !== undefined && isKnown)
          ahead.push({ memory: s.from.memory, run, reach })
      }
      if (s.k === 'load') for (const local of s.to) assigned.add(local)
      else if (s.k === 'set') assigned.add(s.local)
      else if (s.k === 'atomic' && s.old !== undefined) assigned.add(s.old)
    }
    return ahead
  }

  /**
   * How a load uses its run, where it may be checked together with those before it: not for one invocation at a time,
   * whose few instructions between two loads cost less than to join their conditions.
   */
  protected reachOf(_ref: MemoryRef, _run: Run): Reach | undefined {
    return undefined
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
}

/** local + constant, as an index of elements of so many words. */
export interface Run {
  readonly local: number
  readonly stride: number
  readonly constant: number
  /** Words from the element's begin, and a local that adds to them. */
  readonly word: number
  readonly inner: { readonly local: number; readonly stride: number } | undefined
}

/** Whether the element of one invocation is used, or those of a group of lanes that follow each other. */
export type Reach = 'invocation' | 'group'

interface Access {
  readonly memory: number
  readonly run: Run
  readonly reach: Reach
}

/** What is checked, and addressed, together. */
function keyOf({ memory, run, reach }: Access): string {
  return `${memory} ${run.local} ${reach} ${run.inner?.local} ${run.inner?.stride}`
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
