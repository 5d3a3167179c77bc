/**
 * Leaves of neighbouring shards in their order, however they lie in memory. An array of byte strings is one of its forms.
 * Places count from 0 to `length` - 1.
 */
export interface Leaves extends Iterable<Uint8Array> {
  readonly length: number
  at(place: number): Uint8Array | undefined
  /** Those from `first` to before `end`. */
  slice(first: number, end: number): Leaves
}

/** Copying so many bytes one by one costs as much as a view. */
const VIEW_WORTH = 64

/**
 * Leaves of one size at equal distances in one piece of memory, such as the frame that brought them: one object for all of a
 * lease, where a view of each would be thousands that the garbage collector moves about until they are stored.
 */
export class PackedLeaves implements Leaves {
  readonly length: number
  /** Bytes of each. */
  readonly size: number
  readonly #memory: Uint8Array
  readonly #first: number
  readonly #step: number

  /**
   * @param memory nobody writes to it any more
   * @param first where in it the first leaf begins
   * @param step from the beginning of one to that of the next
   */
  constructor(memory: Uint8Array, first: number, step: number, size: number, length: number) {
    this.#memory = memory
    this.#first = first
    this.#step = step
    this.size = size
    this.length = length
  }

  /** A view, made anew each time. */
  at(place: number): Uint8Array | undefined {
    if (place < 0 || place >= this.length) return undefined
    const from = this.#first + place * this.#step
    return this.#memory.subarray(from, from + this.size)
  }

  slice(first: number, end: number): PackedLeaves {
    const from = Math.min(first, this.length)
    const length = Math.max(0, Math.min(end, this.length) - from)
    return new PackedLeaves(this.#memory, this.#first + from * this.#step, this.#step, this.size, length)
  }

  *[Symbol.iterator](): Generator<Uint8Array> {
    for (let place = 0; place < this.length; place++) yield this.at(place) as Uint8Array
  }

  /** The memory from the beginning of the first to the end of the last, `step` bytes from one to the next. */
  get span(): { readonly bytes: Uint8Array; readonly step: number } {
    const end = this.length === 0 ? this.#first : this.#first + (this.length - 1) * this.#step + this.size
    return { bytes: this.#memory.subarray(this.#first, end), step: this.#step }
  }

  /** Writes one of them to `target`, from its byte `to` on. */
  copy(place: number, target: Uint8Array, to: number): void {
    const memory = this.#memory
    const from = this.#first + place * this.#step
    if (this.size > VIEW_WORTH) target.set(memory.subarray(from, from + this.size), to)
    else for (let at = 0; at < this.size; at++) target[to + at] = memory[from + at] as number
  }
}

/** Bytes of one of them; 0 for a place beyond. */
export function leafSize(leaves: Leaves, place: number): number {
  if (leaves instanceof PackedLeaves) return place < leaves.length ? leaves.size : 0
  return leaves.at(place)?.length ?? 0
}

/** Bytes of all of them. */
export function leavesSize(leaves: Leaves): number {
  if (leaves instanceof PackedLeaves) return leaves.size * leaves.length
  let bytes = 0
  for (const { length } of leaves) bytes += length
  return bytes
}

/** Writes one of them to `target`, from its byte `to` on. */
export function copyLeaf(leaves: Leaves, place: number, target: Uint8Array, to: number): void {
  if (leaves instanceof PackedLeaves) leaves.copy(place, target, to)
  else target.set(leaves.at(place) as Uint8Array, to)
}
