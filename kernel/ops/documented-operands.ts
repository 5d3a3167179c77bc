import type { Operand } from './op.ts'
import { DTYPE_BYTES, elementCount, type IntegerDtype } from './operand.ts'

/** An operand of integers: element i is `at(i)`, in the range of the dtype. */
export function numbers(
  dtype: IntegerDtype,
  shape: readonly number[],
  at: (index: number) => number,
): Operand {
  const size = DTYPE_BYTES[dtype]
  const bytes = new Uint8Array(size * elementCount(shape))
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < bytes.length / size; i++) {
    const value = at(i)
    if (size === 1) view.setUint8(i, value)
    else if (size === 2) view.setUint16(2 * i, value, true)
    else view.setUint32(4 * i, value, true)
  }
  return { dtype, shape, bytes }
}
