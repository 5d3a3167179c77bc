import type { Place } from './refusal.ts'

/**
 * The intermediate form between WGSL and WASM: one function, everything inlined, every value a 32-bit scalar in a
 * numbered local. Control flow is structured: blocks that can be left by label, and loops that go on until they are.
 */

/** An f32 is an exact integer of at most 2^24 in magnitude, proven so, and is computed as an i32. */
export type Scalar = 'u32' | 'i32' | 'bool' | 'f32'

export type UnaryOp = 'neg' | 'complement' | 'not' | 'clz' | 'ctz' | 'popcnt' | 'abs' | FloatOp
/** From an integer to an f32 of the same value, and back. */
export type FloatOp = 'to_f32' | 'to_i32' | 'to_u32'
export type BinaryOp =
  | 'add'
  | 'sub'
  | 'mul'
  /** High word of the unsigned 64-bit product. */
  | 'mul_high'
  /** The sum of the products of the signed 16-bit halves. */
  | 'dot2_i16'
  | 'div_u'
  | 'rem_u'
  | 'and'
  | 'or'
  | 'xor'
  | 'shl'
  | 'shr_u'
  | 'shr_s'
  | 'min_u'
  | 'min_s'
  | 'max_u'
  | 'max_s'
  | CompareOp
export type CompareOp = 'eq' | 'ne' | 'lt_u' | 'lt_s' | 'le_u' | 'le_s' | 'gt_u' | 'gt_s' | 'ge_u' | 'ge_s'

export type Expr =
  /** As the 32 bits, 0 .. 2^32 - 1; a bool is 0 or 1. */
  | { readonly k: 'const'; readonly type: Scalar; readonly value: number }
  | { readonly k: 'local'; readonly type: Scalar; readonly local: number }
  /** A word of the uniform buffer. */
  | { readonly k: 'uniform'; readonly type: Scalar; readonly word: number }
  | {
      readonly k: 'unary'
      readonly type: Scalar
      readonly op: UnaryOp
      readonly a: Expr
      readonly place: Place
    }
  | {
      readonly k: 'binary'
      readonly type: Scalar
      readonly op: BinaryOp
      readonly a: Expr
      readonly b: Expr
      readonly place: Place
    }
  | {
      readonly k: 'select'
      readonly type: Scalar
      readonly when: Expr
      readonly yes: Expr
      readonly no: Expr
    }

/** A place in a buffer or in an array of the invocation: `base[i][j]...`, then `word`. All in words. */
export interface MemoryRef {
  readonly memory: number
  readonly terms: readonly {
    readonly index: Expr
    readonly stride: number
    /** Elements; 0: as many as the buffer has. */
    readonly count: number
  }[]
  readonly word: number
  readonly place: Place
}

export type AtomicOp = 'add' | 'sub' | 'and' | 'or' | 'xor' | 'min_u' | 'min_s' | 'max_u' | 'max_s'

export type Statement =
  /** The local begins here; its value does not matter until it is set. */
  | { readonly k: 'declare'; readonly local: number }
  | { readonly k: 'set'; readonly local: number; readonly value: Expr }
  /** Consecutive words into locals. */
  | {
      readonly k: 'load'
      readonly from: MemoryRef
      readonly words: readonly number[]
      readonly to: readonly number[]
    }
  | {
      readonly k: 'store'
      readonly to: MemoryRef
      readonly words: readonly number[]
      readonly values: readonly Expr[]
    }
  /** `old`, when given, receives what stood there before. */
  | {
      readonly k: 'atomic'
      readonly op: AtomicOp
      readonly at: MemoryRef
      readonly value: Expr
      readonly old: number | undefined
    }
  /** Zeroes an array of the invocation. */
  | { readonly k: 'clear'; readonly memory: number }
  | {
      readonly k: 'if'
      readonly when: Expr
      readonly yes: readonly Statement[]
      readonly no: readonly Statement[]
    }
  | { readonly k: 'block'; readonly label: number; readonly body: readonly Statement[] }
  /** Goes on for ever; left by an exit of a block around it. */
  | { readonly k: 'loop'; readonly body: readonly Statement[]; readonly place: Place }
  | { readonly k: 'exit'; readonly label: number }

/** Where words lie. */
export type Memory =
  | {
      readonly k: 'storage'
      readonly name: string
      readonly binding: number
      readonly writable: boolean
      readonly stride: number
      /** 0: runtime-sized. */
      readonly count: number
    }
  /** An array of one invocation. */
  | { readonly k: 'private'; readonly name: string; readonly words: number }
  | { readonly k: 'constant'; readonly name: string; readonly words: readonly number[] }

export interface LocalInfo {
  readonly name: string
  readonly type: Scalar
  /** Assigned in one place only, which comes before every use. */
  readonly once: boolean
}

export interface UniformWord {
  readonly name: string
  readonly low: number
  readonly high: number
}

/** A kernel. Locals 0 to 2 are the global invocation id. */
export interface Kernel {
  readonly name: string
  readonly locals: readonly LocalInfo[]
  readonly memories: readonly Memory[]
  /** Words of the uniform buffer with the ranges that the kernel declares for them. */
  readonly uniform: readonly UniformWord[]
  readonly body: readonly Statement[]
}
