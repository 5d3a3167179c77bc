import {
  add,
  type Bound,
  ceilDivide,
  constant,
  distance,
  type Knowledge,
  least,
  ONE,
  upper,
} from './bounds.ts'
import { exits } from './exits.ts'
import type { CompareOp, Expr, Kernel, Statement } from './ir.ts'

type Loop = Statement & { readonly k: 'loop' }

/** What is known where the loop begins, and at its head in any round. */
export interface LoopKnowledge {
  /** What a local was given before the loop, where that still says what it holds. */
  entry(local: number): Expr | undefined
  entryRange(local: number): {
    readonly low: number
    readonly high: number
    readonly signedLow: number
    readonly signedHigh: number
  }
  headRange(expr: Expr): {
    readonly low: number
    readonly high: number
    readonly signedLow: number
    readonly signedHigh: number
  }
}

const COMPARES = new Set<string>(['eq', 'ne', 'lt_u', 'lt_s', 'le_u', 'le_s', 'gt_u', 'gt_s', 'ge_u', 'ge_s'])
const TURNED: Readonly<Record<string, CompareOp>> = {
  lt_u: 'gt_u',
  lt_s: 'gt_s',
  le_u: 'ge_u',
  le_s: 'ge_s',
  gt_u: 'lt_u',
  gt_s: 'lt_s',
  ge_u: 'le_u',
  ge_s: 'le_s',
  ne: 'ne',
  eq: 'eq',
}
const NEGATED: Readonly<Record<string, CompareOp>> = {
  lt_u: 'ge_u',
  lt_s: 'ge_s',
  le_u: 'gt_u',
  le_s: 'gt_s',
  gt_u: 'le_u',
  gt_s: 'le_s',
  ge_u: 'lt_u',
  ge_s: 'lt_s',
  ne: 'eq',
  eq: 'ne',
}

/**
 * How often a loop goes round, at most: from a counter that changes once a round, by a fixed step, and a test against
 * an end that the loop does not change.
 * @returns undefined where no such counter is found, or it could pass its end by wrapping
 */
export function tripBound(
  loop: Loop,
  kernel: Kernel,
  known: Knowledge,
  here: LoopKnowledge,
): Bound | undefined {
  const assigned = assignedIn(loop.body)
  const invariant = (e: Expr): boolean => localsOf(e).every((local) => !assigned.has(local))
  let best: Bound | undefined
  for (const { s, first } of everyRound(loop.body)) {
    if (s.no.length > 0 || s.yes.at(-1)?.k !== 'exit') continue
    for (const { op, a, b } of goesOnWhile(s.when, known)) {
      for (const [counter, compare, end] of [
        [a, op, b],
        [b, TURNED[op], a],
      ] as const) {
        if (
          counter.k !== 'local' ||
          compare === undefined ||
          kernel.locals[counter.local]!.once ||
          !invariant(end)
        )
          continue
        const update = onlyUpdate(loop.body, counter.local)
        const trips =
          update === undefined
            ? undefined
            : count(counter.local, compare, end, update, invariant, known, here)
        if (trips === undefined) continue
        const bound = first ? trips : add(trips, ONE)
        best = best === undefined ? bound : least(best, bound)
      }
    }
  }
  return best
}

/**
 * The ifs that every round passes, in order, up to what a `continue` may skip.
 * @returns with each whether nothing but values comes before it
 */
function everyRound(body: readonly Statement[]): readonly { s: Statement & { k: 'if' }; first: boolean }[] {
  const found: { s: Statement & { k: 'if' }; first: boolean }[] = []
  let first = true
  const visit = (list: readonly Statement[], label: number | undefined): void => {
    for (const s of list) {
      if (s.k === 'if') found.push({ s, first })
      if (s.k === 'block') visit(s.body, s.label)
      if (s.k !== 'set' && s.k !== 'load' && s.k !== 'block') first = false
      if (label !== undefined && exits([s], label)) return
    }
  }
  visit(body, undefined)
  return found
}

/** The comparisons that all hold as long as the loop goes on. */
function goesOnWhile(leaves: Expr, known: Knowledge): readonly (Expr & { op: CompareOp; k: 'binary' })[] {
  const split = (e: Expr, holds: boolean): (Expr & { op: CompareOp; k: 'binary' })[] => {
    if (e.k === 'local') {
      const definition = known.definition(e.local)
      return definition === undefined ? [] : split(definition, holds)
    }
    if (e.k === 'unary' && e.op === 'not') return split(e.a, !holds)
    if (e.k !== 'binary') return []
    if ((e.op === 'and' && holds) || (e.op === 'or' && !holds))
      return [...split(e.a, holds), ...split(e.b, holds)]
    if (!COMPARES.has(e.op)) return []
    return [{ ...e, op: holds ? (e.op as CompareOp) : NEGATED[e.op]! }]
  }
  return split(leaves, false)
}

/** The one assignment of a counter, which every round passes. */
function onlyUpdate(body: readonly Statement[], counter: number): (Expr & { k: 'binary' }) | undefined {
  let found: Expr | undefined
  let count = 0
  const visit = (list: readonly Statement[], everyRound: boolean): void => {
    for (const s of list) {
      if (s.k === 'set' && s.local === counter) {
        count++
        if (everyRound) found = s.value
      } else if ((s.k === 'load' && s.to.includes(counter)) || (s.k === 'atomic' && s.old === counter))
        count += 2
      else if (s.k === 'if') {
        visit(s.yes, false)
        visit(s.no, false)
      } else if (s.k === 'block' || s.k === 'loop') visit(s.body, false)
    }
  }
  visit(body, true)
  if (count !== 1 || found?.k !== 'binary' || found.a.k !== 'local' || found.a.local !== counter)
    return undefined
  return found
}

function count(
  counter: number,
  compare: CompareOp,
  end: Expr,
  update: Expr & { k: 'binary' },
  invariant: (e: Expr) => boolean,
  known: Knowledge,
  here: LoopKnowledge,
): Bound | undefined {
  const entry = here.entryRange(counter)
  const range = here.headRange(end)
  const signed = compare.endsWith('_s')
  if (update.op === 'shr_u' && update.b.k === 'const' && update.b.value >= 1) {
    const stopsAtZero =
      (compare === 'gt_u' || compare === 'ne' || compare === 'ge_u') &&
      (compare === 'ge_u' ? range.low >= 1 : range.low >= 0)
    return stopsAtZero && !(compare === 'ne' && range.high > 0) ? constant(32) : undefined
  }
  if (update.op === 'shl' && update.b.k === 'const' && update.b.value === 1)
    return (compare === 'lt_u' || compare === 'le_u') && entry.low >= 1 && range.high < 2 ** 31
      ? constant(32)
      : undefined
  if ((update.op !== 'add' && update.op !== 'sub') || !invariant(update.b)) return undefined
  const step = known.low(update.b)
  const stepHigh = known.high(update.b)
  // `i + 0xffffffffu` and i32 steps below zero count the other way round; nobody needs them.
  if (step < 1 || stepHigh > 2 ** 31 - 1) return undefined

  if (update.op === 'add' && (compare.startsWith('lt') || compare.startsWith('le'))) {
    const orEqual = compare.startsWith('le') ? 1 : 0
    const top = signed ? 2 ** 31 - 1 : 2 ** 32 - 1
    if ((signed ? range.signedHigh : range.high) - 1 + orEqual + stepHigh > top) return undefined
    const start = here.entry(counter)
    if (signed && entry.signedLow < 0) {
      const whole = range.signedHigh - entry.signedLow + orEqual
      return ceilDivide(constant(Math.max(whole, 0)), step)
    }
    const limit = signed ? constant(Math.max(range.signedHigh, 0)) : constant(range.high)
    const span = least(distance(end, start, entry.low, known), limit)
    return ceilDivide(add(span, constant(orEqual)), step)
  }
  if (update.op === 'sub' && (compare.startsWith('gt') || compare.startsWith('ge'))) {
    const orEqual = compare.startsWith('ge') ? 1 : 0
    const least_ = signed ? range.signedLow : range.low
    if (least_ + 1 - orEqual - stepHigh < (signed ? -(2 ** 31) : 0)) return undefined
    const start = here.entry(counter)
    const top = signed ? Math.max(entry.signedHigh, 0) : entry.high
    const bound = start === undefined ? constant(top) : least(upper(start, known, true), constant(top))
    const below = signed ? Math.min(least_, 0) : 0
    return ceilDivide(
      add(
        bound.k === 'const' ? constant(Math.max(bound.value - Math.max(least_, 0), 0)) : bound,
        constant(orEqual - below),
      ),
      step,
    )
  }
  return undefined
}

function localsOf(e: Expr): readonly number[] {
  switch (e.k) {
    case 'local':
      return [e.local]
    case 'unary':
      return localsOf(e.a)
    case 'binary':
      return [...localsOf(e.a), ...localsOf(e.b)]
    case 'select':
      return [...localsOf(e.when), ...localsOf(e.yes), ...localsOf(e.no)]
    default:
      return []
  }
}

/** Locals that statements give a value. */
export function assignedIn(list: readonly Statement[], into = new Set<number>()): ReadonlySet<number> {
  for (const s of list) {
    if (s.k === 'set' || s.k === 'declare') into.add(s.local)
    else if (s.k === 'load') for (const local of s.to) into.add(local)
    else if (s.k === 'atomic' && s.old !== undefined) into.add(s.old)
    else if (s.k === 'if') {
      assignedIn(s.yes, into)
      assignedIn(s.no, into)
    } else if (s.k === 'block' || s.k === 'loop') assignedIn(s.body, into)
  }
  return into
}
