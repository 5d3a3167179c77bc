import { add, always, type Bound, boundText, largest, most, multiply, ONE, ZERO } from './bounds.ts'
import { assertConversion, assertExact, magnitudeOf, termsOf, UNKNOWN_FLOAT } from './exact-float.ts'
import { settleFloats } from './float-sums.ts'
import type { BinaryOp, Expr, Kernel, MemoryRef, Statement } from './ir.ts'
import { NEGATED, narrow } from './narrow.ts'
import {
  ANY,
  binaryRange,
  DATA,
  exactly,
  join,
  meet,
  type Range,
  sameRange,
  unaryRange,
  unsigned,
  widen,
} from './range.ts'
import { KernelRefusal, type Place } from './refusal.ts'
import { joinStates, type State } from './state.ts'
import { assignedIn, tripBound } from './trips.ts'

/** Cumulative loop iterations of one invocation: a driver is known that silently leaves a loop after 65,535. */
export const ITERATIONS_MAX = 32_768

export interface Proof {
  /** Upper bound of the iterations of all loops of one invocation together. */
  readonly iterations: Bound
  /** Whether the bound holds for every uniform within the declared ranges; else whoever runs the kernel looks. */
  readonly proven: boolean
}

/**
 * Proves that shifts stay below 32, divisors are not zero, indices stay within fixed arrays and are no raw data, and
 * that loops end: by following ranges through the kernel, loops until nothing changes.
 * @throws KernelRefusal for the first thing that cannot be proven
 */
export function prove(kernel: Kernel): Proof {
  const iterations = new Prover(kernel).run()
  return { iterations, proven: largest(iterations) <= ITERATIONS_MAX }
}

/** Rounds after which every bound of a loop has moved as far as it can. */
const ROUNDS_MAX = 8

class Prover {
  readonly #kernel: Kernel
  readonly #definitions = new Map<number, Expr>()
  /** What each local was last given, where that is an expression of values that do not change. */
  readonly #entry = new Map<number, Expr>()
  readonly #exits = new Map<number, State>()
  /** Counted up while a loop is walked only to find its ranges. */
  #rehearsing = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    collectDefinitions(kernel.body, kernel, this.#definitions)
  }

  run(): Bound {
    const state: State = new Map([0, 1, 2].map((axis) => [axis, ANY]))
    return this.#walk(this.#kernel.body, state).cost
  }

  #walk(list: readonly Statement[], from: State): { state: State; cost: Bound } {
    let state = from
    let cost: Bound = ZERO
    for (const s of list) {
      if (state === undefined) return { state, cost }
      switch (s.k) {
        case 'declare':
          state.set(s.local, this.#isFloat(s.local) ? exactly(0) : ANY)
          break
        case 'set':
          state.set(s.local, this.#range(s.value, state))
          if (this.#onlyOnce(s.value)) this.#entry.set(s.local, s.value)
          else this.#entry.delete(s.local)
          break
        case 'load': {
          this.#index(s.from, state)
          for (const local of s.to) state.set(local, this.#loaded(s.from))
          break
        }
        case 'store':
          this.#index(s.to, state)
          for (const value of s.values) this.#range(value, state)
          break
        case 'atomic':
          this.#index(s.at, state)
          this.#range(s.value, state)
          if (s.old !== undefined) state.set(s.old, DATA)
          break
        case 'clear':
          break
        case 'exit':
          this.#exits.set(s.label, joinStates(this.#exits.get(s.label), state))
          state = undefined
          break
        case 'if': {
          const when = this.#range(s.when, state)
          const then = this.#walk(
            s.yes,
            when.high === 0 ? undefined : this.#assume(s.when, true, new Map(state)),
          )
          const other = this.#walk(
            s.no,
            when.low === 1 ? undefined : this.#assume(s.when, false, new Map(state)),
          )
          cost = add(cost, most(then.cost, other.cost))
          state = joinStates(then.state, other.state)
          this.#forget([s])
          break
        }
        case 'block': {
          const before = this.#exits.get(s.label)
          this.#exits.delete(s.label)
          const inner = this.#walk(s.body, state)
          cost = add(cost, inner.cost)
          state = joinStates(inner.state, this.#exits.get(s.label))
          this.#forget(s.body)
          if (before === undefined) this.#exits.delete(s.label)
          else this.#exits.set(s.label, before)
          break
        }
        case 'loop':
          cost = add(cost, this.#loop(s, state))
          state = undefined
          break
      }
    }
    return { state, cost }
  }

  #loop(s: Statement & { k: 'loop' }, from: Map<number, Range>): Bound {
    const assigned = assignedIn(s.body)
    const entry = new Map(this.#entry)
    this.#forget(s.body)
    const floats = [...assigned].filter((local) => this.#isFloat(local) && from.has(local))
    let head = new Map(from)
    let last: State
    for (const local of floats) head.set(local, UNKNOWN_FLOAT)
    const exitsBefore = new Map(this.#exits)
    this.#rehearsing++
    for (let round = 0; ; round++) {
      const end = this.#walk(s.body, new Map(head)).state
      last = end
      let changed = false
      const next = new Map(head)
      for (const local of assigned) {
        if (floats.includes(local)) continue
        const before = head.get(local)
        const after = end?.get(local)
        if (before === undefined || after === undefined) continue
        const joined = join(before, after)
        if (sameRange(joined, before)) continue
        changed = true
        next.set(local, round >= ROUNDS_MAX ? ANY : widen(before, joined))
      }
      this.#restore(exitsBefore)
      if (!changed) break
      head = next
    }
    this.#rehearsing--
    const known = {
      definition: (local: number) => this.#definitions.get(local),
      high: (expr: Expr) => this.#quietly(expr, from).high,
      low: (expr: Expr) => this.#quietly(expr, from).low,
    }
    const trips = tripBound(s, this.#kernel, known, {
      entry: (local) => entry.get(local),
      entryRange: (local) => from.get(local) ?? ANY,
      headRange: (expr) => this.#quietly(expr, head),
    })
    const exits = new Map(this.#exits)
    const sums = settleFloats({
      floats,
      from,
      head,
      last,
      rounds: trips === undefined ? undefined : largest(trips),
      round: (local, value) => {
        this.#rehearsing++
        const end = this.#walk(s.body, new Map(head).set(local, value)).state
        this.#rehearsing--
        this.#restore(exits)
        return end?.get(local) ?? UNKNOWN_FLOAT
      },
    })
    const { cost } = this.#walk(s.body, new Map(head))
    this.#forget(s.body)
    // The test that ends the loop sees the sums of all rounds, the body those of all but one.
    for (const [label, state] of this.#exits) {
      if (state === undefined || state === exitsBefore.get(label)) continue
      for (const [local, whole] of sums) state.set(local, join(state.get(local) ?? whole, whole))
    }
    if (trips === undefined) {
      if (this.#rehearsing > 0) return ZERO
      throw new KernelRefusal(
        s.place,
        'no bound of this loop could be found',
        'Count from a start to an end that do not change in the loop: for (var i = 0u; i < n; i = i + 1u), with //!range on the uniform members it depends on',
      )
    }
    const total = multiply(trips, add(ONE, cost))
    if (this.#rehearsing === 0 && always(total) > ITERATIONS_MAX && largest(trips) <= ITERATIONS_MAX)
      throw new KernelRefusal(
        s.place,
        `this loop and those within it run ${always(total)} times together; at most ${ITERATIONS_MAX} are allowed`,
        'Cut the work into several invocations or dispatches',
      )
    if (this.#rehearsing === 0 && largest(trips) > ITERATIONS_MAX)
      throw new KernelRefusal(
        s.place,
        `this loop may run ${boundText(trips, (word) => this.#kernel.uniform[word]?.name ?? 'a uniform')} times, which can be more than ${ITERATIONS_MAX}`,
        'Declare //!range on the uniform member that bounds it; cut longer work into several invocations or dispatches',
      )
    return total
  }

  #isFloat(local: number): boolean {
    return this.#kernel.locals[local]!.type === 'f32'
  }

  #restore(exits: ReadonlyMap<number, State>): void {
    this.#exits.clear()
    for (const [label, state] of exits) this.#exits.set(label, state)
  }

  #forget(list: readonly Statement[]): void {
    for (const local of assignedIn(list)) this.#entry.delete(local)
  }

  #loaded(ref: MemoryRef): Range {
    const memory = this.#kernel.memories[ref.memory]!
    if (memory.k !== 'constant') return memory.k === 'private' ? ANY : DATA
    return memory.words.map(exactly).reduce(join)
  }

  #index(ref: MemoryRef, state: Map<number, Range>): void {
    for (const { index, count } of ref.terms) {
      const range = this.#range(index, state)
      if (this.#rehearsing > 0) continue
      const { name } = this.#kernel.memories[ref.memory]!
      if (count > 0 && range.high >= count)
        throw new KernelRefusal(
          ref.place,
          `an index of ${name} can reach ${range.high}; it has ${count} elements`,
          `Clamp it: min(index, ${count - 1}u), or mask it`,
        )
      if (count === 0 && !range.bounded)
        throw new KernelRefusal(
          ref.place,
          `an index of ${name} is data from a buffer as it stands`,
          'Bound it: min(index, last), or index % count, with the count from the uniform',
        )
    }
  }

  #quietly(expr: Expr, state: Map<number, Range>): Range {
    this.#rehearsing++
    try {
      return this.#range(expr, state)
    } finally {
      this.#rehearsing--
    }
  }

  #range(e: Expr, state: Map<number, Range>): Range {
    switch (e.k) {
      case 'const':
        return e.type === 'f32' ? { ...exactly(e.value), terms: Math.abs(e.value | 0) } : exactly(e.value)
      case 'local':
        return state.get(e.local) ?? (e.type === 'f32' ? UNKNOWN_FLOAT : ANY)
      case 'uniform': {
        const word = this.#kernel.uniform[e.word]
        return word === undefined ? ANY : unsigned(word.low, word.high)
      }
      case 'unary': {
        const a = this.#range(e.a, state)
        const conversion = e.op === 'to_f32' || e.op === 'to_i32' || e.op === 'to_u32'
        if (conversion && this.#rehearsing === 0) assertConversion(e.op, a, e.a.type, e.place)
        const range = unaryRange(e.op, a)
        if (e.type !== 'f32') return range
        return { ...range, terms: conversion ? magnitudeOf(a, e.a.type) : a.terms }
      }
      case 'select': {
        const when = this.#range(e.when, state)
        const yes = this.#range(
          e.yes,
          when.high === 0 ? state : (this.#assume(e.when, true, new Map(state)) ?? state),
        )
        const no = this.#range(
          e.no,
          when.low === 1 ? state : (this.#assume(e.when, false, new Map(state)) ?? state),
        )
        return when.high === 0 ? no : when.low === 1 ? yes : join(yes, no)
      }
      case 'binary': {
        const a = this.#range(e.a, state)
        const b = this.#range(e.b, state)
        this.#check(e.op, b, e.place)
        if (e.type === 'f32') {
          const terms = termsOf(e.op, a, b)
          if (this.#rehearsing === 0) assertExact(terms, e.place)
          return { ...binaryRange(e.op, a, b), terms }
        }
        if (e.op === 'shl' && a.low > 0 && this.#isLeadingZerosOf(e.b, e.a))
          return unsigned(0x80000000, 0xffffffff, a.bounded)
        if (e.op === 'add' && this.#same(e.a, e.b)) return binaryRange('mul', a, exactly(2))
        return binaryRange(e.op, a, b)
      }
    }
  }

  #check(op: BinaryOp, b: Range, place: Place): void {
    if (this.#rehearsing > 0) return
    if ((op === 'shl' || op === 'shr_u' || op === 'shr_s') && b.high > 31)
      throw new KernelRefusal(
        place,
        `a shift amount can reach ${b.high}; 32 and more have no meaning`,
        'Mask it: amount & 31u, or clamp it: min(amount, 31u), or declare //!range on the uniform member',
      )
    if ((op === 'div_u' || op === 'rem_u') && b.low === 0)
      throw new KernelRefusal(
        place,
        'a divisor can be 0',
        'Make it at least 1: max(d, 1u), d | 1u, or declare //!range 1 .. high on the uniform member',
      )
  }

  /** Whether `a` is countLeadingZeros(b), both assigned once. */
  #isLeadingZerosOf(a: Expr, b: Expr): boolean {
    const definition = a.k === 'local' ? this.#definitions.get(a.local) : a
    return definition?.k === 'unary' && definition.op === 'clz' && this.#same(definition.a, b)
  }

  #same(a: Expr, b: Expr): boolean {
    if (a.k === 'uniform' && b.k === 'uniform') return a.word === b.word
    return a.k === 'local' && b.k === 'local' && a.local === b.local && this.#kernel.locals[a.local]!.once
  }

  /** Narrows the state by a condition. @returns undefined where it cannot hold */
  #assume(when: Expr, holds: boolean, state: Map<number, Range>): State {
    if (when.k === 'unary' && when.op === 'not') return this.#assume(when.a, !holds, state)
    if (when.k === 'local') {
      const definition = this.#definitions.get(when.local)
      return definition === undefined || !this.#onlyOnce(definition)
        ? state
        : this.#assume(definition, holds, state)
    }
    if (when.k !== 'binary') return state
    if (when.type === 'bool' && (when.op === 'and' || when.op === 'or')) {
      if ((when.op === 'and') !== holds) return state
      const first = this.#assume(when.a, holds, state)
      return first === undefined ? undefined : this.#assume(when.b, holds, first)
    }
    const op = holds ? when.op : NEGATED[when.op]
    if (op === undefined) return state
    const a = this.#quietly(when.a, state)
    const b = this.#quietly(when.b, state)
    const narrowed = narrow(op, a, b)
    if (narrowed === undefined) return state
    for (const [expr, range] of [
      [when.a, narrowed[0]],
      [when.b, narrowed[1]],
    ] as const) {
      if (expr.k === 'local') {
        const met = meet(state.get(expr.local) ?? ANY, range)
        if (met.low > met.high || met.signedLow > met.signedHigh) return undefined
        state.set(expr.local, met)
      }
    }
    return state
  }

  #onlyOnce(e: Expr): boolean {
    switch (e.k) {
      case 'local':
        return this.#kernel.locals[e.local]!.once
      case 'unary':
        return this.#onlyOnce(e.a)
      case 'binary':
        return this.#onlyOnce(e.a) && this.#onlyOnce(e.b)
      case 'select':
        return false
      default:
        return true
    }
  }
}

/** What each local that is assigned once is given. */
function collectDefinitions(list: readonly Statement[], kernel: Kernel, into: Map<number, Expr>): void {
  for (const s of list) {
    if (s.k === 'set' && kernel.locals[s.local]!.once) into.set(s.local, s.value)
    else if (s.k === 'if') {
      collectDefinitions(s.yes, kernel, into)
      collectDefinitions(s.no, kernel, into)
    } else if (s.k === 'block' || s.k === 'loop') collectDefinitions(s.body, kernel, into)
  }
}
