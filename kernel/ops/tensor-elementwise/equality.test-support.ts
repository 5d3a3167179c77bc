import type { JsonObject } from '../../canonical.ts'
import type { Dtype } from '../../contract.ts'
import { anyByte, type EqualityContract, type Fill, filledOperand } from '../equality.test-support.ts'

const elementwise = (
  name: string,
  args: JsonObject,
  [aType, bType]: readonly [Dtype, Dtype],
  [rows, columns]: readonly [number, number],
  bRows: number,
  fill: Fill,
): EqualityContract => ({
  name,
  args,
  operands: () => ({
    a: filledOperand(aType, [rows, columns], 11, fill),
    b: filledOperand(bType, [bRows, columns], 12, fill),
  }),
})

export const CONTRACTS: readonly EqualityContract[] = [
  elementwise(
    'add',
    { operation: 'add', shift: 0, result: 'int32' },
    ['int32', 'uint32'],
    [37, 29],
    37,
    anyByte,
  ),
  elementwise(
    'subtract',
    { operation: 'subtract', shift: 3, result: 'int16' },
    ['uint32', 'int8'],
    [37, 29],
    1,
    anyByte,
  ),
  elementwise(
    'multiply',
    { operation: 'multiply', shift: 31, result: 'uint32' },
    ['int32', 'int16'],
    [37, 29],
    37,
    anyByte,
  ),
  elementwise(
    'minimum',
    { operation: 'minimum', shift: 0, result: 'int8' },
    ['int16', 'uint8'],
    [37, 29],
    1,
    anyByte,
  ),
  elementwise(
    'maximum',
    { operation: 'maximum', shift: 1, result: 'uint32' },
    ['uint32', 'int32'],
    [37, 29],
    37,
    anyByte,
  ),
  elementwise(
    'distance',
    { operation: 'distance', shift: 0, result: 'uint32' },
    ['uint32', 'int32'],
    [37, 29],
    1,
    anyByte,
  ),
  elementwise(
    'and',
    { operation: 'and', shift: 0, result: 'int32' },
    ['int32', 'int32'],
    [37, 29],
    37,
    anyByte,
  ),
  elementwise('or', { operation: 'or', shift: 5, result: 'int16' }, ['uint8', 'int8'], [37, 29], 1, anyByte),
  elementwise(
    'xor',
    { operation: 'xor', shift: 2, result: 'uint32' },
    ['uint32', 'int16'],
    [37, 29],
    37,
    anyByte,
  ),
  elementwise(
    'the largest product',
    { operation: 'multiply', shift: 31, result: 'uint32' },
    ['uint32', 'uint32'],
    [3, 7],
    3,
    () => 0xff,
  ),
]
