import type { Expr, Kernel, Statement } from './ir.ts'
import { formOf, type LaneForm } from './lane-forms.ts'

/**
 * Which values are the same in all lanes of four neighbouring invocations, and where lanes part ways.
 *
 * A region is the stack of divergent constructs around a statement: ifs whose condition differs between lanes, and blocks
 * that some lanes leave before others. A local keeps one value for all lanes as long as it is only ever given uniform
 * values, in the region in which it began: lanes that are switched off there never look at it again.
 */
export interface Uniformity {
  /** Locals that have a value for each lane. */
  readonly varying: ReadonlySet<number>
  /** Of those, what is known of how their values follow one another over the lanes. */
  readonly forms: ReadonlyMap<number, LaneForm>
  readonly divergentIfs: ReadonlySet<Statement>
  readonly divergentBlocks: ReadonlySet<number>
  /** For each statement that gives a local a value: whether it is in the region in which the local began. */
  readonly atHome: ReadonlyMap<Statement, boolean>
}

export function uniformityOf(kernel: Kernel): Uniformity {
  const varying = new Set([0])
  const divergentIfs = new Set<Statement>()
  const divergentBlocks = new Set<number>()
  let atHome = new Map<Statement, boolean>()
  // The invocations of a group begin at a multiple of four.
  const forms = new Map<number, LaneForm>([[0, { step: 1, aligned: true }]])
  const isVarying = (e: Expr): boolean => expressionVaries(e, { varying, forms })

  for (let changed = true; changed; ) {
    changed = false
    const homes = new Map<number, string>()
    const blocks = new Map<number, string>()
    atHome = new Map()
    let ifs = 0
    const grow = <T>(set: Set<T>, value: T, when: boolean): void => {
      if (!when || set.has(value)) return
      set.add(value)
      changed = true
    }
    const assign = (s: Statement, local: number, differs: boolean, region: string): void => {
      const home = homes.get(local)
      if (home === undefined) homes.set(local, region)
      const same = home === undefined || home === region
      atHome.set(s, same && (atHome.get(s) ?? true))
      grow(varying, local, differs || !same)
    }
    const walk = (list: readonly Statement[], region: string): void => {
      for (const s of list) {
        switch (s.k) {
          case 'declare':
            assign(s, s.local, false, region)
            break
          case 'set': {
            assign(s, s.local, isVarying(s.value), region)
            const form = kernel.locals[s.local]!.once ? formOf(s.value, { varying, forms }) : 'varying'
            if (form !== 'varying' && form !== 'uniform' && varying.has(s.local)) forms.set(s.local, form)
            else forms.delete(s.local)
            break
          }
          case 'load': {
            const own = kernel.memories[s.from.memory]!.k === 'private'
            const differs = own || s.from.terms.some(({ index }) => isVarying(index))
            for (const local of s.to) assign(s, local, differs, region)
            break
          }
          case 'atomic':
            if (s.old !== undefined) assign(s, s.old, true, region)
            break
          case 'if': {
            grow(divergentIfs, s, isVarying(s.when))
            const inner = divergentIfs.has(s) ? `${region}/i${ifs++}` : region
            walk(s.yes, inner)
            walk(s.no, inner === region ? region : `${inner}e`)
            break
          }
          case 'block': {
            const inner = divergentBlocks.has(s.label) ? `${region}/b${s.label}` : region
            blocks.set(s.label, inner)
            walk(s.body, inner)
            break
          }
          case 'loop':
            walk(s.body, region)
            break
          case 'exit':
            grow(divergentBlocks, s.label, blocks.get(s.label) !== region)
            break
        }
      }
    }
    walk(kernel.body, '')
  }
  return { varying, forms, divergentIfs, divergentBlocks, atHome }
}

export function expressionVaries(e: Expr, known: Pick<Uniformity, 'varying' | 'forms'>): boolean {
  return formOf(e, known) !== 'uniform'
}
