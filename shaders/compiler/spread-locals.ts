import type { Expr, Kernel, MemoryRef, Statement } from './ir.ts'
import { formOf } from './lane-forms.ts'
import { expressionVaries, type Uniformity } from './uniformity.ts'

/** The first locals are the invocation id, which nothing in the kernel assigns. */
const INVOCATION_LOCALS = 3

/** Uniform locals that are assigned once and read by varying expressions; and those that are read by uniform ones. */
export function spreadLocals(
  kernel: Kernel,
  uniformity: Uniformity,
): { readonly spread: ReadonlySet<number>; readonly scalars: ReadonlySet<number> } {
  const spread = new Set<number>()
  const scalars = new Set<number>()
  const varies = (local: number) => uniformity.varying.has(local)
  const isVarying = (e: Expr) => expressionVaries(e, uniformity)
  const visit = (e: Expr, inVector: boolean): void => {
    if (e.k === 'local') {
      const isOnce =
        e.local >= INVOCATION_LOCALS && kernel.locals[e.local]!.once && !varies(e.local) && e.type !== 'bool'
      if (!inVector || !isOnce) scalars.add(e.local)
      else spread.add(e.local)
      return
    }
    const vector = isVarying(e)
    // An operation on uniform values is done once and then spread, one on lanes that follow each other also for lane 0.
    const part = (inner: Expr, whole: boolean) => {
      visit(inner, whole)
      if (whole && typeof formOf(e, uniformity) === 'object') visit(inner, false)
    }
    if (e.k === 'unary') part(e.a, vector)
    else if (e.k === 'binary') {
      const scalarAmount = e.op === 'shl' || e.op === 'shr_u' || e.op === 'shr_s'
      part(e.a, vector)
      part(e.b, vector && !(scalarAmount && !isVarying(e.b)))
    } else if (e.k === 'select') {
      visit(e.when, vector && isVarying(e.when))
      visit(e.yes, vector)
      visit(e.no, vector)
    }
  }
  const indices = (ref: MemoryRef) => {
    for (const { index } of ref.terms) {
      visit(index, isVarying(index))
      visit(index, false)
    }
  }
  const walk = (list: readonly Statement[]): void => {
    for (const s of list) {
      if (s.k === 'set') visit(s.value, varies(s.local))
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
        visit(s.when, isVarying(s.when))
        walk(s.yes)
        walk(s.no)
      } else if (s.k === 'block' || s.k === 'loop') walk(s.body)
    }
  }
  walk(kernel.body)
  return { spread, scalars }
}
