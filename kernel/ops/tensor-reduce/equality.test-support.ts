import type { Dtype } from '../../contract.ts'
import { anyByte, type EqualityContract, type Fill, filledOperand } from '../equality.test-support.ts'

const reduce = (
  name: string,
  axis: string,
  dtype: Dtype,
  shape: readonly [number, number],
  fill: Fill,
  first = 0,
  count = 1,
): EqualityContract => ({
  name,
  args: { axis },
  operands: () => ({ x: filledOperand(dtype, shape, 10, fill) }),
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  reduce('one element', 'all', 'int8', [1, 1], anyByte),
  reduce('the largest squares', 'all', 'uint32', [3, 40_000], () => 0xff),
  reduce('the lowest elements', 'rows', 'int32', [5, 700], (i) => (i % 4 === 3 ? 0x80 : 0)),
  reduce('columns', 'columns', 'int16', [301, 77], anyByte),
  reduce('short rows, several shards', 'rows', 'uint8', [9000, 3], anyByte, 0, 2),
]
