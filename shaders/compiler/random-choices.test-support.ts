/** A source of random choices: mulberry32, from a printed seed. */
export class Choices {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  word(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }

  below(n: number): number {
    return this.word() % n
  }

  pick<T>(options: readonly T[]): T {
    return options[this.below(options.length)] as T
  }
}
