import type { ContractInput } from '../../kernel/contract.ts'
import { sha256Hex } from '../../kernel/digest.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'
import { OPS } from '../../kernel/ops/registry.ts'

/** The contracts of the table: the same in Node and in a page, and the same work as the peers'. */

export type OptionStyle = 'european' | 'asian'
export type MatrixType = 'int8' | 'float32'

/** Side of the square matrices. */
export const SIZE = 1024
export const STEPS = 252
const PATHS = 2 ** 30

/** The peers' model: log returns of 1e-4 + 0.03 z a step, a call struck at the spot. */
const STEP = { drift: 1e-4, deviation: 0.03 }

export interface OptionJob {
  readonly job: PreparedJob
  readonly path_steps_per_shard: number
}

export function optionJob(style: OptionStyle): OptionJob {
  const variance = STEP.deviation ** 2 * STEPS
  const job = OPS.prepare({
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'gbm.v1' },
    args: {
      spot: 100,
      strike: 100,
      rate: STEP.drift * STEPS + variance / 2,
      volatility: Math.sqrt(variance),
      maturity_years: 1,
      steps: STEPS,
      paths: PATHS,
      style,
      right: 'call',
    },
    seed: { mode: 'explicit', value: 'benchmark' },
    verify: { mode: 'none' },
  } satisfies ContractInput)
  return { job, path_steps_per_shard: (PATHS / job.plan.shard_count) * STEPS }
}

export interface ProductJob {
  readonly job: PreparedJob
  /** Multiplications and additions of the product. */
  readonly operations: number
  /** A map of its own each time: whoever keeps what it made of operands may not keep it here. */
  inputs(): InputBytes
}

/**
 * A product of two square matrices: any int8, or float32 in [0, 1), which are multiplied through 16 bits.
 * @param size rows and columns
 */
export function productJob(dtype: MatrixType, size: number = SIZE): ProductJob {
  const operands = { a: matrix(dtype, size, 1), b: matrix(dtype, size, 2) }
  const ref = (bytes: Uint8Array) => ({ digest: sha256Hex(bytes), dtype, shape: [size, size] })
  const job = OPS.prepare({
    contract: 1,
    op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
    args: dtype === 'int8' ? {} : { bits: 16 },
    inputs: { a: ref(operands.a), b: ref(operands.b) },
    seed: { mode: 'derived' },
    verify: { mode: 'none' },
  } satisfies ContractInput)
  return { job, operations: 2 * size ** 3, inputs: () => new Map(Object.entries(operands)) }
}

/** Numerical Recipes' quick generator: the values do not matter, their being everywhere the same does. */
function matrix(dtype: MatrixType, size: number, seed: number): Uint8Array {
  const elements = dtype === 'int8' ? new Int8Array(size * size) : new Float32Array(size * size)
  let state = seed
  for (let i = 0; i < elements.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    elements[i] = dtype === 'int8' ? state >> 24 : (state >>> 8) / 2 ** 24
  }
  return new Uint8Array(elements.buffer)
}
