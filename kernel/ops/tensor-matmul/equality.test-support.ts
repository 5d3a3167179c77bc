import type { JsonObject } from '../../canonical.ts'
import type { Dtype } from '../../contract.ts'
import { anyByte, type EqualityContract, type Fill, filledOperand } from '../equality.test-support.ts'

const matmul = (
  name: string,
  [rows, depth, columns]: readonly [number, number, number],
  fill: Fill,
  first = 0,
  count = 1,
): EqualityContract => slicedMatmul(name, {}, 'int8', [rows, depth], [depth, columns], fill, first, count)

function slicedMatmul(
  name: string,
  args: JsonObject,
  dtype: Dtype,
  a: readonly [number, number],
  b: readonly [number, number],
  fill: Fill,
  first = 0,
  count = 1,
): EqualityContract {
  return {
    name,
    args,
    operands: () => ({ a: filledOperand(dtype, a, 1, fill), b: filledOperand(dtype, b, 2, fill) }),
    first,
    count,
  }
}

export const CONTRACTS: readonly EqualityContract[] = [
  matmul('1 x 1 x 1', [1, 1, 1], anyByte),
  matmul('odd shapes', [130, 513, 71], anyByte),
  matmul('all -128: the largest sums', [12, 4096, 12], () => 0x80),
  matmul('-128 by 127', [12, 4096, 12], (i) => (i % 2 === 0 ? 0x80 : 0x7f)),
  matmul('several tiles, the last ones short', [700, 1, 300], anyByte, 0, 4),
  matmul('a tile of a larger product', [1024, 64, 512], anyByte, 3, 2),
  slicedMatmul('int16, A transposed', { transpose_a: true }, 'int16', [70, 41], [70, 33], anyByte),
  slicedMatmul('float32 through 16 bits', {}, 'float32', [37, 50], [50, 21], anyByte),
  slicedMatmul(
    'float32 through 24 bits',
    { bits: 24, transpose_b: true },
    'float32',
    [20, 65],
    [31, 65],
    anyByte,
  ),
  slicedMatmul('a batch of int16', { batch: 3 }, 'int16', [3 * 90, 40], [3 * 40, 100], anyByte, 1, 2),
]
