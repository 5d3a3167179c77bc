import type { JsonObject } from '../../canonical.ts'
import { anyByte, type EqualityContract, type Fill, filledOperand } from '../equality.test-support.ts'

type Shape4 = readonly [number, number, number, number]

const conv2d = (
  name: string,
  args: JsonObject,
  x: Shape4,
  w: Shape4,
  fill: Fill,
  first = 0,
  count = 1,
): EqualityContract => ({
  name,
  args,
  operands: () => ({ x: filledOperand('int8', x, 7, fill), w: filledOperand('int8', w, 8, fill) }),
  first,
  count,
})

export const CONTRACTS: readonly EqualityContract[] = [
  conv2d('one pixel', {}, [1, 1, 1, 1], [1, 1, 1, 1], anyByte),
  conv2d(
    'padding, stride, dilation',
    { stride: 2, padding: 3, dilation: 2 },
    [2, 5, 13, 11],
    [7, 5, 3, 4],
    anyByte,
  ),
  conv2d('all -128: the largest sums', {}, [1, 130, 6, 6], [2, 130, 5, 5], () => 0x80),
  conv2d('the last shards of several', { padding: 1 }, [2, 32, 40, 40], [8, 32, 7, 7], anyByte, 0, 2),
]
