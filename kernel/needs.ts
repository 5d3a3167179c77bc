import type { PreparedJob } from './job.ts'

/** What a job asks of an agent, from its plan alone. */

/**
 * Loop iterations that one invocation of a kernel may take. Every kernel keeps to it by proof, so that no plan asks for more,
 * and every device is tried with so many before it is used (agent-runtime/probe.ts).
 */
export const LOOP_ITERATIONS = 32_768

/** Bytes of an element. */
const DTYPE_BYTES = { int8: 1, uint8: 1, int16: 2, int32: 4, uint32: 4, float32: 4, float64: 8 } as const

/**
 * Bytes of the largest piece that an executor holds of the job at least: an operand, or one shard's output. An op may pack
 * an operand into somewhat more.
 */
export function memoryBytes(job: Pick<PreparedJob, 'contract' | 'gpu'>): number {
  const operands = Object.values(job.contract.inputs).map(({ dtype, shape }) =>
    shape.reduce((product, side) => product * side, DTYPE_BYTES[dtype]),
  )
  return Math.max(4 * job.gpu().slot_words, ...operands)
}
