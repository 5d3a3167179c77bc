/** So many items beside the first are found as fast in a row as in a table. */
const ROW = 8

/**
 * A set that has no more than a few items nearly always, of which there is one or more for each agent and lease: the first
 * item takes nothing, a few a row, and only many a table, which would be most of what an idle agent costs. Items come out in
 * the order in which they were added, as of a Set; whoever changes the set meanwhile iterates over a copy.
 */
export class SmallSet<T extends object> implements Iterable<T> {
  #first: T | undefined
  /** Those after the first; while it has items no other can take the first's place. */
  #rest: T[] | Set<T> | undefined

  get size(): number {
    const rest = this.#rest
    return (this.#first === undefined ? 0 : 1) + (Array.isArray(rest) ? rest.length : (rest?.size ?? 0))
  }

  has(item: T): boolean {
    const rest = this.#rest
    return this.#first === item || (Array.isArray(rest) ? rest.includes(item) : rest?.has(item) === true)
  }

  add(item: T): void {
    if (this.has(item)) return
    const rest = this.#rest
    if (rest === undefined) {
      if (this.#first === undefined) this.#first = item
      else this.#rest = [item]
    } else if (!Array.isArray(rest)) rest.add(item)
    else if (rest.length < ROW) rest.push(item)
    else this.#rest = new Set([...rest, item])
  }

  /** @returns whether it was there */
  delete(item: T): boolean {
    if (this.#first === item) {
      this.#first = undefined
      return true
    }
    const rest = this.#rest
    if (rest === undefined) return false
    if (!Array.isArray(rest)) {
      const was = rest.delete(item)
      if (rest.size === 0) this.#rest = undefined
      return was
    }
    const at = rest.indexOf(item)
    if (at < 0) return false
    rest.splice(at, 1)
    if (rest.length === 0) this.#rest = undefined
    return true
  }

  *[Symbol.iterator](): Generator<T, void, undefined> {
    if (this.#first !== undefined) yield this.#first
    if (this.#rest !== undefined) yield* this.#rest
  }
}
