import type { Kernel } from './ir.ts'

/**
 * The first bytes of a module's memory, written by whoever runs it: for each binding the byte address of its buffer and
 * its length in words. Binding 0 is the uniform. Memory goes on for 16 bytes behind the last buffer: what lanes beyond the
 * last invocation read there is not used.
 */
export const HEADER = { bases: 0, lengths: 64, end: 128 } as const
export const BINDINGS_MAX = 16

/** Where the module itself keeps things: constant arrays, and the arrays of an invocation (of four, side by side). */
export interface MemoryPlan {
  readonly constants: ReadonlyMap<number, { readonly base: number; readonly words: readonly number[] }>
  readonly privates: ReadonlyMap<number, { readonly base: number; readonly words: number }>
  /** First byte that the host may use, a multiple of 16. */
  readonly end: number
}

export function planMemory(kernel: Kernel, lanes: 1 | 4): MemoryPlan {
  const constants = new Map<number, { base: number; words: readonly number[] }>()
  const privates = new Map<number, { base: number; words: number }>()
  let at: number = HEADER.end
  for (const [index, memory] of kernel.memories.entries()) {
    if (memory.k === 'constant') {
      constants.set(index, { base: at, words: memory.words })
      at += roundUp16(4 * memory.words.length)
    } else if (memory.k === 'private') {
      privates.set(index, { base: at, words: memory.words })
      at += roundUp16(4 * lanes * memory.words)
    }
  }
  return { constants, privates, end: at }
}

function roundUp16(bytes: number): number {
  return Math.ceil(bytes / 16) * 16
}
