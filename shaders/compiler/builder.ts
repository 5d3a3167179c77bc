import { evaluateBinary, evaluateUnary } from './arithmetic.ts'
import type { BinaryOp, Expr, LocalInfo, Memory, Scalar, Statement, UnaryOp } from './ir.ts'
import type { Place } from './refusal.ts'

/** Collects statements and locals, folds constants. Knows nothing of WGSL. */
export class Builder {
  readonly locals: { name: string; type: Scalar; once: boolean }[] = []
  readonly memories: Memory[] = []
  /** Where statements go: the innermost open block. */
  out: Statement[] = []
  #labels = 0

  local(name: string, type: Scalar, once = false): number {
    this.locals.push({ name, type, once })
    return this.locals.length - 1
  }

  localInfos(): readonly LocalInfo[] {
    return this.locals
  }

  label(): number {
    return this.#labels++
  }

  memory(memory: Memory): number {
    this.memories.push(memory)
    return this.memories.length - 1
  }

  emit(statement: Statement): void {
    this.out.push(statement)
  }

  /** @returns what `work` emitted, apart from the block that is open now */
  collect(work: () => void): Statement[] {
    const outer = this.out
    const inner: Statement[] = []
    this.out = inner
    try {
      work()
    } finally {
      this.out = outer
    }
    return inner
  }

  get(local: number): Expr {
    return { k: 'local', type: this.locals[local]!.type, local }
  }

  /** A value that later statements cannot change: a constant, or a local that is assigned once. */
  pin(value: Expr, name: string): Expr {
    if (this.isPinned(value)) return value
    const local = this.local(name, value.type, true)
    this.emit({ k: 'set', local, value })
    return this.get(local)
  }

  isPinned(value: Expr): boolean {
    return (
      value.k === 'const' || value.k === 'uniform' || (value.k === 'local' && this.locals[value.local]!.once)
    )
  }

  /**
   * Evaluates in order. Statements that a later operand needs could change what an earlier one reads, so earlier ones
   * are kept in locals before them.
   */
  inOrder<T extends { readonly leaves: readonly Expr[] }>(parts: readonly (() => T)[]): T[] {
    const values: T[] = []
    for (const part of parts) {
      const at = this.out.length
      const value = part()
      if (this.out.length > at) {
        const after = this.out.splice(at)
        for (const [index, earlier] of values.entries()) {
          values[index] = { ...earlier, leaves: earlier.leaves.map((leaf) => this.pin(leaf, 'operand')) }
        }
        this.out.push(...after)
      }
      values.push(value)
    }
    return values
  }

  constant(type: Scalar, value: number): Expr {
    return { k: 'const', type, value: type === 'bool' ? value : value >>> 0 }
  }

  unary(type: Scalar, op: UnaryOp, a: Expr, place: Place): Expr {
    if (a.k === 'const' && type !== 'f32' && a.type !== 'f32')
      return this.constant(type, evaluateUnary(op, a.value))
    if (op === 'not' && a.k === 'unary' && a.op === 'not') return a.a
    return { k: 'unary', type, op, a, place }
  }

  binary(type: Scalar, op: BinaryOp, a: Expr, b: Expr, place: Place): Expr {
    // Of f32 too: what does not fit is left to the proof, which says where.
    if (a.k === 'const' && b.k === 'const' && type !== 'f32') {
      const folded = evaluateBinary(op, a.value, b.value)
      if (folded !== undefined) return this.constant(type, folded)
    }
    if (isZero(b) && ['add', 'sub', 'or', 'xor', 'shl', 'shr_u', 'shr_s'].includes(op) && a.type === type)
      return a
    if (isZero(a) && ['add', 'or', 'xor'].includes(op) && b.type === type) return b
    if (op === 'mul' && b.k === 'const' && b.value === 1) return a
    if (op === 'mul' && a.k === 'const' && a.value === 1) return b
    return { k: 'binary', type, op, a, b, place }
  }

  select(type: Scalar, when: Expr, yes: Expr, no: Expr): Expr {
    if (when.k === 'const') return when.value === 0 ? no : yes
    return { k: 'select', type, when, yes, no }
  }

  not(a: Expr, place: Place): Expr {
    return this.unary('bool', 'not', a, place)
  }
}

function isZero(value: Expr): boolean {
  return value.k === 'const' && value.value === 0 && value.type !== 'bool'
}
