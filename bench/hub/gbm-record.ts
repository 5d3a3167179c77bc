import { sha256 } from '../../kernel/digest.ts'
import { WasmProgram } from '../../kernel/execute/wasm-program.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { kernelModule } from '../../shaders/modules.ts'

/**
 * Result bytes of a real run of `mc@1/gbm.v1`: its first shards executed by the compiled kernel. The benchmark's agents
 * send them again and again, shard i with the bytes of shard i mod RECORDED, and its referee executes shard i mod
 * RECORDED when it audits shard i: everything else of the hub sees a job of the shipped op.
 */
export const RECORDED = 64

const SHARD_PATHS = 16_384
const STEPS = 252

/** A European call of 252 steps over so many shards. */
export function gbmContract(shards: number, seed: string, verify: Record<string, unknown>): unknown {
  return {
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'gbm.v1' },
    args: {
      spot: 100,
      strike: 105,
      rate: 0.03,
      dividend_yield: 0,
      volatility: 0.2,
      maturity_years: 1,
      steps: STEPS,
      paths: shards * SHARD_PATHS,
      style: 'european',
      right: 'call',
    },
    seed: { mode: 'explicit', value: seed },
    verify,
    policy: { timeout_ms: 7 * 24 * 3_600_000 },
  }
}

export async function gbmProgram(job: PreparedJob): Promise<WasmProgram> {
  const program = job.gpu()
  return new WasmProgram(await kernelModule(program.kernel), program, new Map())
}

export interface Recording {
  readonly leaves: readonly Uint8Array[]
  /** SHA-256 of each leaf. */
  readonly digests: readonly Uint8Array[]
  /** Milliseconds of one shard. */
  readonly shard_ms: number
}

/** Runs the first RECORDED shards of a contract. */
export async function record(contract: unknown): Promise<Recording> {
  const program = await gbmProgram(OPS.prepare(contract))
  const started = performance.now()
  const leaves = Array.from({ length: RECORDED }, (_, shard) => program.leaf(shard))
  const shard_ms = (performance.now() - started) / RECORDED
  return { leaves, digests: leaves.map((leaf) => sha256(leaf)), shard_ms }
}
