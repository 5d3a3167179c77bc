import type { ResultChecker } from './checker.ts'
import { type BytesFault, faultOfBytes, type ResultBytes } from './result-bytes.ts'

/** Checks at once, on the thread that asks. */
export const localChecker: ResultChecker = { check: faultOfBytes, close: async () => {} }

/** Answers nothing before it is opened or closed. */
export class HeldChecker implements ResultChecker {
  readonly #held: (() => void)[] = []
  #isOpen = false

  get waiting(): number {
    return this.#held.length
  }

  check(result: ResultBytes): BytesFault | undefined | Promise<BytesFault | undefined> {
    if (this.#isOpen) return faultOfBytes(result)
    return new Promise((answer) => this.#held.push(() => answer(faultOfBytes(result))))
  }

  open(): void {
    this.#isOpen = true
    for (const answer of this.#held.splice(0)) answer()
  }

  async close(): Promise<void> {
    this.open()
  }
}
