import { z } from 'zod'
import { defineOp, OpRegistry, type PreparedJob } from '../kernel/job.ts'
import { cancelled, throwIfAborted } from './clock.ts'
import type { Executor, ShardLeaf, ShardRunner } from './executor.ts'

/** An op whose shards cost nothing: the leaf of shard i is i, four bytes; with an operand, i + the operand's first byte. */
const tiny = (kind: 'inline' | 'blob', profile: string) =>
  defineOp({
    ref: { name: 'tiny', version: 1, profile },
    title: 'Tiny',
    description: 'For tests.',
    args: z.strictObject({ shards: z.int().min(1).max(1_000) }),
    inputs: { x: { title: 'x', description: 'Any bytes.', dtypes: ['uint8'], rank: 1 } },
    example: { shards: 1 },
    golden: () => [],
    kernel: 'mc/pi.v1',
    tables: [],
    plan: ({ shards }) => ({
      shard_count: shards,
      work_units: 100 * shards,
      leaf: { kind, max_bytes: 4 },
      constants: {},
    }),
    gpu: () => {
      throw new Error('it has no kernel')
    },
    checkLeaf: (_plan, _shard, leaf) => (leaf[3] === 7 ? undefined : 'the last byte is not 7'),
    fold: { empty: () => ({}), add: () => {} },
    reduce: () => ({ result: {}, artifacts: [] }),
    result: z.strictObject({}),
    summarise: () => ({ headline: { label: '', value: 0 }, figures: [], charts: [], notes: [] }),
  })

function tinyLeaf(shard: number, inputs: ReadonlyMap<string, Uint8Array>): Uint8Array {
  return Uint8Array.of(shard & 255, shard >> 8, inputs.get('x')?.[0] ?? 0, 7)
}

export const TINY_OPS = new OpRegistry([tiny('inline', 'inline.v1'), tiny('blob', 'blob.v1')])

export function tinyJob(shards: number, inputDigest: string, profile = 'inline.v1'): PreparedJob {
  return TINY_OPS.prepare({
    contract: 1,
    op: { name: 'tiny', version: 1, profile },
    args: { shards },
    inputs: { x: { digest: inputDigest, dtype: 'uint8', shape: [1] } },
    seed: { mode: 'derived' },
    verify: { mode: 'none' },
  })
}

/** Executes a shard only when the test lets it, and counts what it executed. */
export class GatedExecutor implements Executor {
  readonly kind = 'cpu'
  readonly label = 'gated'
  readonly width = 1
  /** Shards executed, in order. */
  readonly executed: number[] = []
  prepared = 0
  /** Changes a leaf before it is given out. */
  spoil: (leaf: Uint8Array) => Uint8Array = (leaf) => leaf
  #allowed = 0
  readonly #gates: (() => void)[] = []
  readonly #watchers: { readonly count: number; readonly resolve: () => void }[] = []

  /** Lets `shards` more shards through. */
  allow(shards: number): void {
    this.#allowed += shards
    for (const open of this.#gates.splice(0)) open()
  }

  /** Resolves when a shard waits at the gate after `count` were executed. */
  waitingAfter(count: number): Promise<void> {
    if (this.#gates.length > 0 && this.executed.length === count) return Promise.resolve()
    return new Promise((resolve) => this.#watchers.push({ count, resolve }))
  }

  async prepare(_job: PreparedJob, inputs: ReadonlyMap<string, Uint8Array>): Promise<ShardRunner> {
    this.prepared++
    const pass = (signal: AbortSignal) => this.#pass(signal)
    const { executed } = this
    const spoil = (leaf: Uint8Array) => this.spoil(leaf)
    return {
      async *run(first: number, count: number, signal: AbortSignal): AsyncGenerator<ShardLeaf> {
        for (let shard = first; shard < first + count; shard++) {
          await pass(signal)
          executed.push(shard)
          yield { shard, leaf: spoil(tinyLeaf(shard, inputs)) }
        }
      },
      close: () => {},
    }
  }

  async close(): Promise<void> {}

  async #pass(signal: AbortSignal): Promise<void> {
    while (this.#allowed === 0) {
      throwIfAborted(signal)
      await new Promise<void>((resolve, reject) => {
        this.#gates.push(resolve)
        signal.addEventListener('abort', () => reject(cancelled(signal)), { once: true })
        for (const watcher of [...this.#watchers]) {
          if (watcher.count !== this.executed.length) continue
          this.#watchers.splice(this.#watchers.indexOf(watcher), 1)
          watcher.resolve()
        }
      })
    }
    throwIfAborted(signal)
    this.#allowed--
  }
}
