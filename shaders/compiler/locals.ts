import type { Expr, Kernel, Statement } from './ir.ts'

/** What the emitters ask about the locals of a kernel. */

/** @returns locals that are assigned once, the sum of another such local and a constant, with that sum */
export function sumsOf(kernel: Kernel): ReadonlyMap<number, Expr> {
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
export function readLocals(body: readonly Statement[]): ReadonlySet<number> {
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
