import { z } from 'zod'
import { sha256 } from '../../kernel/digest.ts'
import { defineOp, OpRegistry } from '../../kernel/job.ts'
import { OPS } from '../../kernel/ops/registry.ts'

/**
 * An op whose shards cost nothing, so that the hub is measured and not arithmetic: the leaf of shard i is row
 * i mod ROWS of a table of 64 pseudo-random bytes each, and the result is the exclusive or of what was folded.
 */

/** Rows of the table; leases of a power of two begin at few places in it, so agents know their digests. */
export const ROWS = 4096
export const LEAF_BYTES = 64
const MAX_SHARDS = 16_000_000

/** The table: each row is the SHA-256 of its number and the SHA-256 of that. */
export const LEAVES: readonly Uint8Array[] = Array.from({ length: ROWS }, (_, row) => {
  const leaf = new Uint8Array(LEAF_BYTES)
  const half = sha256(Uint8Array.of(row & 255, row >> 8))
  leaf.set(half)
  leaf.set(sha256(half), 32)
  return leaf
})

export function tinyLeaf(shard: number): Uint8Array {
  return LEAVES[shard % ROWS] as Uint8Array
}

const tiny = defineOp({
  ref: { name: 'bench', version: 1, profile: 'tiny.v1' },
  title: 'Tiny shards',
  description: 'For benchmarks of the hub.',
  args: z.strictObject({ shards: z.int().min(1).max(MAX_SHARDS) }),
  inputs: {},
  example: { shards: 1 },
  golden: () => [],
  kernel: 'mc/pi.v1',
  tables: [],
  plan: ({ shards }) => ({
    shard_count: shards,
    work_units: shards,
    leaf: { kind: 'inline', max_bytes: LEAF_BYTES },
    constants: {},
  }),
  // Only its sizes are ever asked for: whoever executes shards takes rows of the table.
  gpu: () => ({
    kernel: 'mc/pi.v1',
    tables: [],
    words: new Uint32Array(4),
    invocations: 1,
    slot_words: LEAF_BYTES / 4,
    inputs: [],
    leaf: (shard) => tinyLeaf(shard),
  }),
  checkLeaf: (_plan, _shard, leaf) =>
    leaf.length === LEAF_BYTES ? undefined : `a leaf of ${leaf.length} bytes instead of ${LEAF_BYTES}`,
  fold: {
    empty: () => ({ folded: 0 }),
    add(aggregate, _shard, leaf) {
      aggregate.folded ^= (leaf[0] ?? 0) | ((leaf[63] ?? 0) << 8)
    },
  },
  reduce: (_args, _plan, { folded }) => ({ result: { folded }, artifacts: [] }),
  result: z.strictObject({ folded: z.int() }),
  summarise: (_args, { folded }) => ({
    headline: { label: 'Folded', value: folded },
    figures: [],
    charts: [],
    notes: [],
  }),
})

/** The network's ops, and the tiny one. */
export const BENCH_OPS = new OpRegistry([...OPS.list(), tiny])

/** @param verify as a contract has it */
export function tinyContract(shards: number, seed: string, verify: Record<string, unknown>): unknown {
  return {
    contract: 1,
    op: { name: 'bench', version: 1, profile: 'tiny.v1' },
    args: { shards },
    seed: { mode: 'explicit', value: seed },
    verify,
    policy: { timeout_ms: 7 * 24 * 3_600_000 },
  }
}
