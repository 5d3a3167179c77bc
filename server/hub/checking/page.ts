import { type Leaves, leafSize, leavesSize, PackedLeaves } from '../../../kernel/leaves.ts'
import type { BytesFault, ResultBytes } from './result-bytes.ts'

/**
 * Results on their way to the checking thread and what it says of them, in memory that both share: a message would be
 * serialised, and wakes a thread at ten times the cost.
 *
 *     page    state, entries
 *     entry   words: what is said of it, place of the leaf, digests, bytes of the receipt, leaves, their step and size, bytes of them all
 *             bytes: root 32, key 32, signature 64, receipt, digests, and leaves; each from a multiple of four on
 *     leaves  with a step: as they lie in the frame that brought them; without one: a word with the size of each, then all
 */

const WORD = 4
const PAGE_HEAD = 2 * WORD
const STATE = 0
const ENTRIES = 1
const ENTRY_WORDS = 8
const ENTRY_HEAD = ENTRY_WORDS * WORD
const FIXED = 32 + 32 + 64

const EMPTY = 0
const WRITTEN = 1
const CHECKED = 2

/** What is said of a result, by the number in its entry. That it is right has to be said: nothing is right by default. */
const SAID = ['unchecked', 'right', 'root', 'leaf', 'signature'] as const
export type Said = BytesFault | 'right' | 'unchecked'

const padded = (bytes: number): number => (bytes + WORD - 1) & -WORD

/** Bytes that a result takes in a page. */
function entryBytes({ digests, leaves, receipt }: ResultBytes): number {
  return ENTRY_HEAD + FIXED + padded(receipt.length) + digests.length + padded(storedBytes(leaves))
}

function storedBytes(leaves: Leaves): number {
  if (leaves instanceof PackedLeaves) return leaves.span.bytes.length
  return WORD * leaves.length + leavesSize(leaves)
}

export class Page {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #bytes: Uint8Array
  /** Where the next entry begins. */
  #end = PAGE_HEAD

  /** @param memory a multiple of four bytes */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory
    this.#words = new Int32Array(memory)
    this.#bytes = new Uint8Array(memory)
  }

  // The hub's side

  /** @returns false when it has no room for it */
  write(result: ResultBytes): boolean {
    const at = this.#end
    const end = at + entryBytes(result)
    if (end > this.#bytes.length) return false
    const { digests, leaves, result_root, receipt, signature, public_key } = result
    const isPacked = leaves instanceof PackedLeaves
    this.#words.set(
      [
        0,
        0,
        digests.length / 32,
        receipt.length,
        leaves.length,
        isPacked ? leaves.span.step : 0,
        leafSize(leaves, 0),
        storedBytes(leaves),
      ],
      at / WORD,
    )
    let to = at + ENTRY_HEAD
    const put = (bytes: Uint8Array): void => {
      this.#bytes.set(bytes, to)
      to += padded(bytes.length)
    }
    put(result_root)
    put(public_key)
    put(signature)
    put(receipt)
    put(digests)
    if (isPacked) put(leaves.span.bytes)
    else this.#putListed(leaves, to)
    this.#words[ENTRIES] = (this.#words[ENTRIES] ?? 0) + 1
    this.#end = end
    return true
  }

  #putListed(leaves: Leaves, at: number): void {
    let to = at + WORD * leaves.length
    let word = at / WORD
    for (const leaf of leaves) {
      this.#words[word++] = leaf.length
      this.#bytes.set(leaf, to)
      to += leaf.length
    }
  }

  /** Gives it to the thread. */
  send(): void {
    Atomics.store(this.#words, STATE, WRITTEN)
    Atomics.notify(this.#words, STATE)
  }

  /** What the thread has said of each, in their order. The page is empty then. */
  takeFaults(): readonly Said[] {
    const faults: Said[] = []
    for (const at of this.#entries()) {
      const [number = 0, place = 0] = this.#words.subarray(at / WORD, at / WORD + 2)
      const t = SAID[number] ?? 'unchecked'
      faults.push(t === 'leaf' ? { t, place } : t === 'root' || t === 'signature' ? { t } : t)
    }
    this.#words[ENTRIES] = 0
    this.#end = PAGE_HEAD
    Atomics.store(this.#words, STATE, EMPTY)
    return faults
  }

  // The thread's side

  /** Waits until it is given. Holds up the thread. */
  awaitGiven(): void {
    for (let state = Atomics.load(this.#words, STATE); state !== WRITTEN; ) {
      Atomics.wait(this.#words, STATE, state)
      state = Atomics.load(this.#words, STATE)
    }
  }

  /** Says of each result what is wrong with it, and gives the page back. */
  check(faultOf: (result: ResultBytes) => BytesFault | undefined): void {
    for (const at of this.#entries()) {
      const fault = faultOf(this.#read(at))
      this.#words[at / WORD + 1] = fault?.t === 'leaf' ? fault.place : 0
      this.#words[at / WORD] = SAID.indexOf(fault?.t ?? 'right')
    }
    Atomics.store(this.#words, STATE, CHECKED)
  }

  /** Where the entries begin. */
  *#entries(): Generator<number> {
    let at = PAGE_HEAD
    for (let left = this.#words[ENTRIES] ?? 0; left > 0; left--) {
      yield at
      const [, , digests = 0, receipt = 0, , , , leaves = 0] = this.#words.subarray(
        at / WORD,
        at / WORD + ENTRY_WORDS,
      )
      at += ENTRY_HEAD + FIXED + padded(receipt) + 32 * digests + padded(leaves)
    }
  }

  #read(at: number): ResultBytes {
    const [, , digests = 0, receipt = 0, count = 0, step = 0, size = 0, stored = 0] = this.#words.subarray(
      at / WORD,
      at / WORD + ENTRY_WORDS,
    )
    let from = at + ENTRY_HEAD
    const take = (length: number): Uint8Array => {
      const bytes = this.#bytes.subarray(from, from + length)
      from += padded(length)
      return bytes
    }
    // Out of the shared memory: libsodium does not read there.
    const copy = (length: number): Uint8Array => new Uint8Array(take(length))
    return {
      result_root: copy(32),
      public_key: copy(32),
      signature: copy(64),
      receipt: copy(receipt),
      digests: take(32 * digests),
      leaves:
        step > 0
          ? new PackedLeaves(take(stored), 0, step, size, count)
          : listed(this.#words.subarray(from / WORD, from / WORD + count), take(stored)),
    }
  }
}

/** @param stored their sizes, then their bytes */
function listed(sizes: Int32Array, stored: Uint8Array): readonly Uint8Array[] {
  let from = WORD * sizes.length
  return Array.from(sizes, (size) => {
    const leaf = stored.subarray(from, from + size)
    from += size
    return leaf
  })
}
