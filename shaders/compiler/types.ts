import type { Scalar } from './ir.ts'

/** Types of Tier A kernels. Values are flattened: a vector or a structure is the list of its scalar leaves. */
export type WgslType =
  | { readonly k: 'scalar'; readonly of: Scalar }
  | { readonly k: 'vector'; readonly of: Scalar; readonly size: 2 | 3 | 4 }
  | { readonly k: 'struct'; readonly name: string; readonly members: readonly Member[] }
  /** `count` 0: runtime-sized, as the last binding's whole type. */
  | { readonly k: 'array'; readonly of: WgslType; readonly count: number }
  | { readonly k: 'atomic'; readonly of: 'u32' | 'i32' }
  | { readonly k: 'pointer'; readonly to: WgslType }
  /** An integer literal without suffix: takes the type that its place asks for. */
  | { readonly k: 'abstract' }
  | { readonly k: 'void' }

export interface Member {
  readonly name: string
  readonly type: WgslType
  /** First leaf of the member among the structure's leaves. */
  readonly leaf: number
  /** Words from the structure's begin. */
  readonly word: number
}

export const U32: WgslType = { k: 'scalar', of: 'u32' }
export const I32: WgslType = { k: 'scalar', of: 'i32' }
export const F32: WgslType = { k: 'scalar', of: 'f32' }
export const BOOL: WgslType = { k: 'scalar', of: 'bool' }
export const ABSTRACT: WgslType = { k: 'abstract' }
export const VOID: WgslType = { k: 'void' }

/** The type as a kernel's author writes it. */
export function typeName(type: WgslType): string {
  switch (type.k) {
    case 'scalar':
      return type.of
    case 'vector':
      return `vec${type.size}<${type.of}>`
    case 'struct':
      return type.name
    case 'array':
      return type.count === 0 ? `array<${typeName(type.of)}>` : `array<${typeName(type.of)}, ${type.count}>`
    case 'atomic':
      return `atomic<${type.of}>`
    case 'pointer':
      return `ptr<function, ${typeName(type.to)}>`
    case 'abstract':
      return 'an integer literal'
    case 'void':
      return 'nothing'
  }
}

/** Whether a value of the type holds an f32. */
export function hasFloat(type: WgslType): boolean {
  switch (type.k) {
    case 'scalar':
    case 'vector':
      return type.of === 'f32'
    case 'struct':
      return type.members.some((member) => hasFloat(member.type))
    case 'array':
      return hasFloat(type.of)
    default:
      return false
  }
}

export function sameType(a: WgslType, b: WgslType): boolean {
  return typeName(a) === typeName(b)
}

/** Scalar types of the leaves, in order. An array's leaves are those of its elements, one after the other. */
export function leavesOf(type: WgslType): readonly Scalar[] {
  switch (type.k) {
    case 'scalar':
    case 'atomic':
      return [type.of]
    case 'vector':
      return Array.from({ length: type.size }, () => type.of)
    case 'struct':
      return type.members.flatMap((member) => leavesOf(member.type))
    case 'array': {
      const element = leavesOf(type.of)
      return Array.from({ length: type.count }, () => element).flat()
    }
    default:
      return []
  }
}

/** Alignment and size in words, as WGSL lays host-shareable types out (WGSL, 14.4.1). */
export function layoutOf(type: WgslType): { readonly align: number; readonly words: number } {
  switch (type.k) {
    case 'vector':
      return { align: type.size === 2 ? 2 : 4, words: type.size }
    case 'struct': {
      const align = Math.max(1, ...type.members.map((member) => layoutOf(member.type).align))
      const last = type.members.at(-1)
      const end = last === undefined ? 0 : last.word + layoutOf(last.type).words
      return { align, words: roundUp(end, align) }
    }
    case 'array':
      return { align: layoutOf(type.of).align, words: strideOf(type.of) * type.count }
    default:
      return { align: 1, words: 1 }
  }
}

/** Words from one element of an array to the next. */
export function strideOf(element: WgslType): number {
  const { align, words } = layoutOf(element)
  return roundUp(words, align)
}

/** Word offset of each leaf from the value's begin. */
export function leafWords(type: WgslType): readonly number[] {
  switch (type.k) {
    case 'scalar':
    case 'atomic':
      return [0]
    case 'vector':
      return Array.from({ length: type.size }, (_, i) => i)
    case 'struct':
      return type.members.flatMap((member) => leafWords(member.type).map((word) => member.word + word))
    case 'array': {
      const element = leafWords(type.of)
      const stride = strideOf(type.of)
      return Array.from({ length: type.count }, (_, i) => element.map((word) => i * stride + word)).flat()
    }
    default:
      return []
  }
}

export function structOf(
  name: string,
  members: readonly { readonly name: string; readonly type: WgslType }[],
): WgslType & { readonly k: 'struct' } {
  let leaf = 0
  let word = 0
  return {
    k: 'struct',
    name,
    members: members.map((member) => {
      const { align, words } = layoutOf(member.type)
      const placed = { ...member, leaf, word: roundUp(word, align) }
      leaf += leavesOf(member.type).length
      word = placed.word + words
      return placed
    }),
  }
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to
}
