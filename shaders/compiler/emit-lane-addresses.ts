import binaryen from 'binaryen'
import type { Reach, Run } from './emit-addresses.ts'
import { LANES, LaneValueEmitter, ZEROS } from './emit-lane-values.ts'
import type { Code } from './emit-values.ts'
import type { MemoryRef } from './ir.ts'
import { formOf } from './lane-forms.ts'

/** Emits addresses of what four lanes load and store: one where they share or follow each other, else four. */
export class LaneAddressEmitter extends LaneValueEmitter {
  readonly #groupLimits = new Map<string, { local: number; memory: number; beyond: number }>()
  /** Divergent constructs that are open. In none, the lanes that go on are those from 0 to `last`. */
  protected divergence = 0

  /** Code that stands before each group of invocations. */
  groupPrologue(): Code[] {
    const { m } = this
    return [...this.#groupLimits.values()].map(({ local, memory, beyond }) => {
      const less = () => m.i32.add(m.local.get(this.last, binaryen.i32), m.i32.const(beyond))
      return m.local.set(local, this.lengthLess(memory, 1, less))
    })
  }

  /** Whether the lanes that go on are the first ones, and use a word each of which one follows the other. */
  protected areNeighbours(ref: MemoryRef): boolean {
    if (this.divergence > 0) return false
    const forms = ref.terms.map(({ index }) => formOf(index, this.uniformity))
    const last = forms.at(-1)
    const follow = typeof last === 'object' && last.step === 1 && ref.terms.at(-1)!.stride === 1
    if (!follow || !forms.slice(0, -1).every((form) => form === 'uniform')) return false
    return ref.terms.length === 1 ? ref.terms[0]!.count === 0 : this.runOf(ref)?.inner !== undefined
  }

  /**
   * Calls `use` with the address of lane 0's word, behind which those of the other lanes lie. Lanes that are beyond the
   * invocations may lie beyond the buffer, by which a host keeps the memory longer than its buffers (memory-plan.ts).
   */
  protected neighbours(ref: MemoryRef, use: (address: () => Code, offset: number) => Code): Code {
    const { m } = this
    const run = this.runOf(ref)
    if (run !== undefined) return this.inRun(ref, run, neighbourReach(run), use)
    const index = this.keep(this.expr(ref.terms[0]!.index))
    const base = this.base(ref.memory)
    const bytes = m.i32.shl(index.get(), m.i32.const(2))
    const address = this.keep(
      base.local === undefined ? bytes : m.i32.add(m.local.get(base.local, binaryen.i32), bytes),
    )
    return m.block(null, [
      index.set,
      this.trapFrom(index.get(), this.groupLimit(ref.memory, 0)),
      address.set,
      use(address.get, base.offset + 4 * ref.word),
    ])
  }

  protected override reachOf(ref: MemoryRef, run: Run): Reach | undefined {
    if (!ref.terms.some(({ index }) => this.isVarying(index))) return 'invocation'
    return this.areNeighbours(ref) ? neighbourReach(run) : undefined
  }

  protected override groupLimit(memory: number, beyond: number): Code {
    const key = `${memory} ${beyond}`
    let limit = this.#groupLimits.get(key)
    if (limit === undefined) {
      this.length(memory, 1)
      limit = { local: this.temp(binaryen.i32), memory, beyond }
      this.#groupLimits.set(key, limit)
    }
    return this.m.local.get(limit.local, binaryen.i32)
  }

  protected eachActive(work: (lane: 0 | 1 | 2 | 3) => Code): Code {
    const { m } = this
    return m.block(
      null,
      LANES.map((lane) => m.if(m.i32x4.extract_lane(this.activeLanes(), lane as never), work(lane))),
    )
  }

  /** Address of an array of the invocation at a uniform index: four lanes lie side by side. */
  protected privateAddress(ref: MemoryRef, use: (address: () => Code, offset: number) => Code): Code {
    const wide: MemoryRef = {
      ...ref,
      word: 4 * ref.word,
      terms: ref.terms.map((term) => ({ ...term, stride: 4 * term.stride })),
    }
    return this.withAddress(wide, true, use)
  }

  /** A byte address for each lane; lanes that are switched off get that of element 0. */
  protected laneAddresses(
    ref: MemoryRef,
    isPrivate: boolean,
    use: (addresses: readonly (() => Code)[], offset: number, scale: number) => Code,
  ): Code {
    const { m } = this
    const scale = isPrivate ? 16 : 4
    const code: Code[] = []
    let sum: Code | undefined
    for (const { index, stride, count } of ref.terms) {
      const lanes = this.keep(m.v128.and(this.vector(index), this.activeLanes()), binaryen.v128)
      code.push(lanes.set)
      if (count === 0) {
        const beyond = m.i32x4.ge_u(lanes.get(), m.i32x4.splat(this.length(ref.memory, stride)))
        code.push(m.if(m.v128.any_true(beyond), m.unreachable()))
      }
      const by = scale * stride
      const bytes =
        (by & (by - 1)) === 0
          ? m.i32x4.shl(lanes.get(), m.i32.const(Math.log2(by)))
          : m.i32x4.mul(lanes.get(), m.i32x4.splat(m.i32.const(by)))
      sum = sum === undefined ? bytes : m.i32x4.add(sum, bytes)
    }
    const base = this.base(ref.memory)
    let vector = sum ?? m.v128.const(ZEROS)
    if (base.local !== undefined)
      vector = m.i32x4.add(vector, m.i32x4.splat(m.local.get(base.local, binaryen.i32)))
    const kept = this.keep(vector, binaryen.v128)
    const each = LANES.map((lane) => {
      const offset = isPrivate ? 4 * lane : 0
      const address = m.i32x4.extract_lane(kept.get(), lane as never)
      return this.keep(offset === 0 ? address : m.i32.add(address, m.i32.const(offset)))
    })
    return m.block(null, [
      ...code,
      kept.set,
      ...each.map(({ set }) => set),
      use(
        each.map(({ get }) => get),
        base.offset + scale * ref.word,
        scale,
      ),
    ])
  }

  protected override clear(base: number, words: number): Code {
    return super.clear(base, 4 * words)
  }
}

/** Neighbours within a row stay in it; those in a buffer must all be within that. */
function neighbourReach({ inner }: Run): Reach {
  return inner === undefined ? 'group' : 'invocation'
}
