import { ForgeError } from '../../kernel/errors.ts'

/** Lets so many in at once; the others wait in the order in which they came, up to a limit. */
export class Turnstile {
  readonly #places: number
  readonly #waiting_max: number
  readonly #waiting: (() => void)[] = []
  #inside = 0

  constructor(places: number, waiting_max: number) {
    this.#places = places
    this.#waiting_max = waiting_max
  }

  /** @throws ForgeError UNAVAILABLE when too many wait, and whatever `work` throws */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside >= this.#places) {
      if (this.#waiting.length >= this.#waiting_max) {
        throw new ForgeError('UNAVAILABLE', 'too many people sign in at once', {
          hint: 'Try again in a minute.',
        })
      }
      // Whoever leaves hands over his place.
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#inside++
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#inside--
      else next()
    }
  }
}
