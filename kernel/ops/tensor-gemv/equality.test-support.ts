import type { Dtype } from '../../contract.ts'
import { anyByte, type EqualityContract, type Fill, filledOperand } from '../equality.test-support.ts'

const gemv = (
  name: string,
  dtype: Dtype,
  [rows, columns]: readonly [number, number],
  transpose: boolean,
  fill: Fill,
  first = 0,
  count = 1,
): EqualityContract => ({
  name,
  args: { transpose },
  operands: () => ({
    a: filledOperand(dtype, [rows, columns], 5, fill),
    x: filledOperand(dtype, [transpose ? rows : columns], 6, fill),
  }),
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  gemv('1 x 1', 'int8', [1, 1], false, anyByte),
  gemv('odd shapes, int16', 'int16', [77, 131], false, anyByte),
  gemv('all -32768: the largest sums', 'int16', [3, 4001], false, (i) => (i % 2 === 0 ? 0 : 0x80)),
  gemv('transposed, several shards', 'int8', [9, 1100], true, anyByte, 1, 2),
]
