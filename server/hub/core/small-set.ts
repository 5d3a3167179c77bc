/**
 * A set that is empty or has one item nearly always, of which there is one or more for each agent: the first item takes no
 * table, which would be most of what an idle agent costs. Items come out in the order in which they were added, as of a Set.
 */
export class SmallSet<T extends object> implements Iterable<T> {
  #first: T | undefined
  /** Those after the first; while it has items no other can take the first's place. */
  #rest: Set<T> | undefined

  get size(): number {
    return (this.#first === undefined ? 0 : 1) + (this.#rest?.size ?? 0)
  }

  has(item: T): boolean {
    return this.#first === item || this.#rest?.has(item) === true
  }

  add(item: T): void {
    if (this.has(item)) return
    if (this.#first === undefined && this.#rest === undefined) this.#first = item
    else {
      this.#rest ??= new Set()
      this.#rest.add(item)
    }
  }

  /** @returns whether it was there */
  delete(item: T): boolean {
    if (this.#first === item) {
      this.#first = undefined
      return true
    }
    const was = this.#rest?.delete(item) === true
    if (this.#rest?.size === 0) this.#rest = undefined
    return was
  }

  *[Symbol.iterator](): Generator<T, void, undefined> {
    if (this.#first !== undefined) yield this.#first
    if (this.#rest !== undefined) yield* this.#rest
  }
}
