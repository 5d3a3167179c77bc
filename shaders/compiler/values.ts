import type { Builder } from './builder.ts'
import type { Expr, MemoryRef, Scalar } from './ir.ts'
import type { KernelRefusal, Place } from './refusal.ts'
import { leafWords, leavesOf, typeName, type WgslType } from './types.ts'

/** A value: the expressions of its scalar leaves. Of an integer literal: one leaf, an i32 or u32 not yet decided. */
export interface Value {
  readonly type: WgslType
  readonly leaves: readonly Expr[]
  /** Of `abstract`: the exact number. */
  readonly literal?: number
}

/** Something that has an address: locals, or words of a memory. */
export type Ref =
  | { readonly k: 'locals'; readonly type: WgslType; readonly locals: readonly number[] }
  | { readonly k: 'memory'; readonly type: WgslType; readonly at: MemoryRef }
  /** Words of the uniform buffer, never written; `memory` is the same buffer for indices that are no constants. */
  | { readonly k: 'uniform'; readonly type: WgslType; readonly word: number; readonly memory: number }

export function readRef(builder: Builder, ref: Ref, refuse: () => KernelRefusal): Value {
  const types = leavesOf(ref.type)
  switch (ref.k) {
    case 'locals':
      return { type: ref.type, leaves: ref.locals.map((local) => builder.get(local)) }
    case 'uniform': {
      const words = leafWords(ref.type)
      return {
        type: ref.type,
        leaves: types.map((type, i) => ({ k: 'uniform', type, word: ref.word + words[i]! })),
      }
    }
    case 'memory': {
      if (types.length === 0 || types.length > 64) throw refuse()
      const to = types.map((type) => builder.local('loaded', type, true))
      builder.emit({ k: 'load', from: ref.at, words: leafWords(ref.type), to })
      return { type: ref.type, leaves: to.map((local) => builder.get(local)) }
    }
  }
}

export function writeRef(builder: Builder, ref: Ref, value: Value): void {
  if (ref.k === 'memory') {
    builder.emit({ k: 'store', to: ref.at, words: leafWords(ref.type), values: value.leaves })
    return
  }
  if (ref.k === 'uniform') return
  // `v = v.yx`: every leaf is read before the first is written.
  const values =
    value.leaves.length === 1
      ? value.leaves
      : value.leaves.map((leaf) => (readsAny(leaf, ref.locals) ? builder.pin(leaf, 'new') : leaf))
  for (const [i, local] of ref.locals.entries()) builder.emit({ k: 'set', local, value: values[i]! })
}

function readsAny(expr: Expr, locals: readonly number[]): boolean {
  switch (expr.k) {
    case 'local':
      return locals.includes(expr.local)
    case 'unary':
      return readsAny(expr.a, locals)
    case 'binary':
      return readsAny(expr.a, locals) || readsAny(expr.b, locals)
    case 'select':
      return readsAny(expr.when, locals) || readsAny(expr.yes, locals) || readsAny(expr.no, locals)
    default:
      return false
  }
}

/** `ref[index]`, for arrays and for vectors with a constant index. */
export function elementRef(
  ref: Ref,
  index: Expr,
  place: Place,
  stride: (element: WgslType) => number,
  refuse: (reason: string, instead: string) => KernelRefusal,
): Ref {
  const { type } = ref
  if (type.k === 'vector') {
    if (index.k !== 'const' || index.value >= type.size)
      throw refuse(
        'a vector is indexed by something other than a constant within it',
        'Use .x to .w, or an array',
      )
    return partRef(ref, { k: 'scalar', of: type.of }, index.value, index.value)
  }
  if (type.k !== 'array') throw refuse(`${typeName(type)} has no elements`, 'Index arrays and vectors')
  const element = type.of
  if (index.k === 'const' && ref.k !== 'memory') {
    if (index.value >= type.count)
      throw refuse(`index ${index.value} of an array of ${type.count}`, 'Stay within the array')
    return partRef(ref, element, index.value * leavesOf(element).length, index.value * stride(element))
  }
  if (ref.k === 'locals') throw refuse(`${typeName(type)} has no address`, 'Keep it in a var')
  const term = { index, stride: stride(element), count: type.count }
  const at: MemoryRef = ref.k === 'memory' ? ref.at : { memory: ref.memory, terms: [], word: ref.word, place }
  return { k: 'memory', type: element, at: { ...at, place, terms: [...at.terms, term] } }
}

/** A leaf range of a reference: a member of a structure, a component of a vector. */
export function partRef(ref: Ref, type: WgslType, leaf: number, word: number): Ref {
  switch (ref.k) {
    case 'locals':
      return { k: 'locals', type, locals: ref.locals.slice(leaf, leaf + leavesOf(type).length) }
    case 'uniform':
      return { ...ref, type, word: ref.word + word }
    case 'memory':
      return { k: 'memory', type, at: { ...ref.at, word: ref.at.word + word } }
  }
}

export function scalarOf(type: WgslType): Scalar | undefined {
  return type.k === 'scalar' || type.k === 'vector' ? type.of : undefined
}
