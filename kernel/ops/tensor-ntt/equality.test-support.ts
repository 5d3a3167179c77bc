import type { Dtype } from '../../contract.ts'
import { anyByte, type EqualityContract, type Fill, filledOperand } from '../equality.test-support.ts'

const ntt = (
  name: string,
  [aType, aLength]: readonly [Dtype, number],
  [bType, bLength]: readonly [Dtype, number],
  fill: Fill,
  first = 0,
  count = 1,
): EqualityContract => ({
  name,
  args: {},
  operands: () => ({
    a: filledOperand(aType, [aLength], 3, fill),
    b: filledOperand(bType, [bLength], 4, fill),
  }),
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  ntt('one coefficient', ['int8', 1], ['uint8', 1], anyByte, 0, 3),
  ntt('the largest unsigned words', ['uint32', 40], ['uint32', 41], () => 0xff, 0, 3),
  ntt('the lowest signed words', ['int32', 64], ['int32', 64], (i) => (i % 4 === 3 ? 0x80 : 0), 0, 3),
  ntt('odd lengths', ['int32', 700], ['int16', 1001], anyByte, 0, 3),
  ntt('several factors', ['int16', 70_000], ['uint8', 90_000], anyByte, 3, 2),
]
