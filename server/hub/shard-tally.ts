import { ACCEPT_METHODS, type AcceptedRun, byMethod } from '../../kernel/acceptance.ts'
import type { ProgressView } from '../../kernel/api.ts'
import { REFEREE } from '../../kernel/bill.ts'

/** How accepted shards were verified and by whom, in sums. */
export class ShardTally {
  readonly #owners = new Set<string>()
  readonly #byExecutor = { webgpu: 0, wasm: 0, cpu: 0 }
  readonly #byMethod = byMethod(0)
  #shards = 0
  #copies = 0

  add({ count, method, copies }: Pick<AcceptedRun, 'count' | 'method' | 'copies'>): void {
    this.#shards += count
    this.#byMethod[method] += count
    this.#copies += count * copies.length
    for (const kind of new Set(copies.map((copy) => copy.executor))) this.#byExecutor[kind] += count
    // The referee is the hub itself, nobody's machine.
    for (const copy of copies) if (copy.agent !== REFEREE) this.#owners.add(copy.owner)
  }

  /** Shards that rested on one word, which the referee has found wrong and replaced. */
  replace({ count, method, copies }: Pick<AcceptedRun, 'count' | 'method' | 'copies'>): void {
    this.#byMethod.single -= count
    this.#byMethod[method] += count
    for (const kind of new Set(copies.map((copy) => copy.executor))) this.#byExecutor[kind] += count
  }

  /** Owners of accepted copies. */
  get owners(): ReadonlySet<string> {
    return this.#owners
  }

  get shards(): number {
    return this.#shards
  }

  /** The sums of several tallies. */
  static sum(tallies: readonly ShardTally[]): Omit<ProgressView, 'in_flight' | 'surplus' | 'checks'> {
    const total = new ShardTally()
    for (const tally of tallies) {
      total.#shards += tally.#shards
      total.#copies += tally.#copies
      for (const kind of ['webgpu', 'wasm', 'cpu'] as const)
        total.#byExecutor[kind] += tally.#byExecutor[kind]
      for (const method of ACCEPT_METHODS) total.#byMethod[method] += tally.#byMethod[method]
      for (const owner of tally.#owners) total.#owners.add(owner)
    }
    return {
      accepted: total.#shards,
      copies: total.#copies,
      by_executor: { ...total.#byExecutor },
      by_method: { ...total.#byMethod },
      owners: total.#owners.size,
    }
  }
}
