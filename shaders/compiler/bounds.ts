import type { Expr } from './ir.ts'

/** An upper bound as a formula over words of the uniform, in exact nonnegative integers (no wrapping). */
export type Bound =
  | { readonly k: 'const'; readonly value: number }
  /** A word of the uniform, which is at most `high`. */
  | { readonly k: 'uniform'; readonly word: number; readonly high: number }
  | { readonly k: 'add' | 'mul' | 'max'; readonly a: Bound; readonly b: Bound }
  /** ceil(a / by) */
  | { readonly k: 'ceil'; readonly a: Bound; readonly by: number }

/** Where a bound stops to matter: far above every limit, far below what 53 bits hold. */
export const BOUND_MAX = 0xffffffff

export const constant = (value: number): Bound => ({ k: 'const', value: Math.min(value, BOUND_MAX) })
export const ZERO = constant(0)
export const ONE = constant(1)

export function add(a: Bound, b: Bound): Bound {
  if (a.k === 'const' && b.k === 'const') return constant(a.value + b.value)
  if (a.k === 'const' && a.value === 0) return b
  if (b.k === 'const' && b.value === 0) return a
  return { k: 'add', a, b }
}

export function multiply(a: Bound, b: Bound): Bound {
  if (a.k === 'const' && b.k === 'const') return constant(a.value * b.value)
  if ((a.k === 'const' && a.value === 0) || (b.k === 'const' && b.value === 0)) return ZERO
  if (a.k === 'const' && a.value === 1) return b
  if (b.k === 'const' && b.value === 1) return a
  return { k: 'mul', a, b }
}

/** The better of two bounds of one value: the one that is smaller at its largest, then the simpler one. */
export function least(a: Bound, b: Bound): Bound {
  const difference = largest(a) - largest(b)
  if (difference !== 0) return difference < 0 ? a : b
  return size(a) <= size(b) ? a : b
}

function size(bound: Bound): number {
  return 'b' in bound ? size(bound.a) + size(bound.b) : 'a' in bound ? 1 + size(bound.a) : 1
}

export function most(a: Bound, b: Bound): Bound {
  if (a.k === 'const' && b.k === 'const') return constant(Math.max(a.value, b.value))
  if (a.k === 'const' && a.value === 0) return b
  if (b.k === 'const' && b.value === 0) return a
  return { k: 'max', a, b }
}

export function ceilDivide(a: Bound, by: number): Bound {
  if (by === 1) return a
  return a.k === 'const' ? constant(Math.ceil(a.value / by)) : { k: 'ceil', a, by }
}

/** The largest that a bound can be while the uniform keeps to its ranges. */
export function largest(bound: Bound): number {
  switch (bound.k) {
    case 'const':
      return bound.value
    case 'uniform':
      return bound.high
    case 'ceil':
      return Math.ceil(largest(bound.a) / bound.by)
    default: {
      const a = largest(bound.a)
      const b = largest(bound.b)
      return Math.min(bound.k === 'add' ? a + b : bound.k === 'mul' ? a * b : Math.max(a, b), BOUND_MAX)
    }
  }
}

/** The bound as a formula for people. */
export function boundText(bound: Bound, name: (word: number) => string): string {
  switch (bound.k) {
    case 'const':
      return bound.value >= BOUND_MAX ? 'anything' : String(bound.value)
    case 'uniform':
      return name(bound.word)
    case 'ceil':
      return `ceil(${boundText(bound.a, name)} / ${bound.by})`
    case 'add':
      return `(${boundText(bound.a, name)} + ${boundText(bound.b, name)})`
    case 'mul':
      return `${boundText(bound.a, name)} * ${boundText(bound.b, name)}`
    default:
      return `max(${boundText(bound.a, name)}, ${boundText(bound.b, name)})`
  }
}

/** What a bound may look at: the definitions of locals that are assigned once, and numeric ranges at this point. */
export interface Knowledge {
  /** Undefined for locals that are assigned more than once. */
  definition(local: number): Expr | undefined
  high(expr: Expr): number
  low(expr: Expr): number
}

/**
 * Upper bound of a value as an unsigned number. Wrapping only makes sums and products smaller.
 * @param past the expression was evaluated earlier: what it says of locals that change no longer holds
 */
export function upper(expr: Expr, known: Knowledge, past = false): Bound {
  const numeric = constant(past ? BOUND_MAX : known.high(expr))
  const through = (bound: Bound): Bound => least(bound, numeric)
  const of = (part: Expr): Bound => upper(part, known, past)
  switch (expr.k) {
    case 'const':
      return constant(expr.value)
    case 'uniform':
      return { k: 'uniform', word: expr.word, high: known.high(expr) }
    case 'local': {
      const definition = known.definition(expr.local)
      return definition === undefined
        ? numeric
        : least(upper(definition, known, true), constant(known.high(expr)))
    }
    case 'select':
      return most(of(expr.yes), of(expr.no))
    case 'binary':
      switch (expr.op) {
        case 'add':
          return through(add(of(expr.a), of(expr.b)))
        case 'mul':
          return through(multiply(of(expr.a), of(expr.b)))
        case 'min_u':
        case 'and':
          return least(of(expr.a), of(expr.b))
        case 'max_u':
          return most(of(expr.a), of(expr.b))
        case 'shr_u':
          return through(expr.b.k === 'const' ? ceilDivide(of(expr.a), 2 ** expr.b.value) : of(expr.a))
        case 'div_u':
          return through(
            expr.b.k === 'const' && expr.b.value > 0 ? ceilDivide(of(expr.a), expr.b.value) : of(expr.a),
          )
        default:
          return numeric
      }
    default:
      return numeric
  }
}

/**
 * Upper bound of `end - start`, where a negative difference counts as 0.
 * @param startLow the least that `start` can be
 */
export function distance(
  end: Expr,
  start: Expr | undefined,
  startLow: number,
  known: Knowledge,
  past = false,
): Bound {
  const further = (part: Expr): Bound => distance(part, start, startLow, known, past)
  const plain = (): Bound => {
    const bound = upper(end, known, past)
    return bound.k === 'const' ? constant(Math.max(bound.value - startLow, 0)) : bound
  }
  if (start === undefined) return plain()
  if (sameExpr(end, start, known)) return ZERO
  switch (end.k) {
    case 'local': {
      const definition = known.definition(end.local)
      return definition === undefined
        ? plain()
        : least(distance(definition, start, startLow, known, true), plain())
    }
    case 'select':
      return most(further(end.yes), further(end.no))
    case 'binary':
      if (end.op === 'min_u' || end.op === 'min_s') return least(further(end.a), further(end.b))
      if (end.op === 'max_u') return most(further(end.a), further(end.b))
      if (end.op === 'add' && sameExpr(end.a, start, known)) return upper(end.b, known, past)
      if (end.op === 'add' && sameExpr(end.b, start, known)) return upper(end.a, known, past)
      return plain()
    default:
      return plain()
  }
}

/** Whether two expressions always have the same value, because they name the same thing that never changes. */
function sameExpr(a: Expr, b: Expr, known: Knowledge): boolean {
  const x = resolve(a, known)
  const y = resolve(b, known)
  if (x.k === 'const') return y.k === 'const' && x.value === y.value
  if (x.k === 'uniform') return y.k === 'uniform' && x.word === y.word
  return x.k === 'local' && y.k === 'local' && x.local === y.local && known.definition(x.local) !== undefined
}

/** Follows `let b = a` to `a`, as long as neither changes. */
function resolve(expr: Expr, known: Knowledge): Expr {
  let at = expr
  while (at.k === 'local') {
    const definition = known.definition(at.local)
    const isPlain =
      definition?.k === 'const' ||
      definition?.k === 'uniform' ||
      (definition?.k === 'local' && known.definition(definition.local) !== undefined)
    if (definition === undefined || !isPlain) return at
    at = definition
  }
  return at
}

/** What remains of a bound when every word of the uniform is 0: work that no argument makes less. */
export function always(bound: Bound): number {
  switch (bound.k) {
    case 'const':
      return bound.value
    case 'uniform':
      return 0
    case 'ceil':
      return Math.ceil(always(bound.a) / bound.by)
    default: {
      const a = always(bound.a)
      const b = always(bound.b)
      return bound.k === 'add' ? a + b : bound.k === 'mul' ? a * b : Math.max(a, b)
    }
  }
}
