import { WIRE_LIMITS } from '../../../kernel/wire-encoder.ts'

/**
 * Whatever fits into a frame fits into an empty page. The rest is for sizes of leaves, where a frame takes a byte or two. The
 * thread itself has no use for this: with the wire's encoder it would take half as much memory again.
 */
export const PAGE_BYTES = WIRE_LIMITS.frame_bytes + 64 * 1024

/** @returns memory of one page */
export function pageMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer((PAGE_BYTES + 3) & -4)
}
