import type { Dtype } from '../contract.ts'
import { philox4x32 } from '../numerics/philox.ts'
import type { Operand } from './op.ts'
import { DTYPE_BYTES, elementCount } from './operand.ts'

/** An operand of a golden contract: bytes of Philox's stream of that number. */
export function goldenOperand(dtype: Dtype, shape: readonly number[], stream: number): Operand {
  const words = new Uint32Array(4)
  const bytes = new Uint8Array(DTYPE_BYTES[dtype] * elementCount(shape))
  for (let i = 0; i < bytes.length; i++) {
    if (i % 16 === 0) philox4x32(words, i, 0, 0, stream, 0, 0)
    bytes[i] = (words[(i >> 2) & 3] as number) >>> (8 * (i & 3))
  }
  return { dtype, shape, bytes }
}
