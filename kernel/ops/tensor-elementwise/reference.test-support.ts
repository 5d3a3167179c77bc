import { invariant } from '../../errors.ts'
import { DTYPE_RANGE, elementsOf, type IntegerElements } from '../operand.ts'
import { referenceFor } from '../reference.test-support.ts'
import type { ElementwiseArgs } from './args.ts'
import { elementwiseSpec } from './index.ts'
import { type ElementwisePlan, shardElements } from './plan.ts'
import { leafOf } from './result.ts'

/** Below it a product of two elements is exact in a double. */
const EXACT = 2 ** 53

/** a op b, before rounding: a number where a double holds it exactly, else a bigint. */
function operate(args: ElementwiseArgs, a: number, b: number): number | bigint {
  switch (args.operation) {
    case 'add':
      return a + b
    case 'subtract':
      return a - b
    case 'multiply': {
      const product = a * b
      return Math.abs(product) < EXACT ? product : BigInt(a) * BigInt(b)
    }
    case 'minimum':
      return Math.min(a, b)
    case 'maximum':
      return Math.max(a, b)
    case 'distance':
      return Math.abs(a - b)
    default: {
      const word = args.operation === 'and' ? a & b : args.operation === 'or' ? a | b : a ^ b
      return args.result.startsWith('int') ? word : word >>> 0
    }
  }
}

/** The shard's elements as the result's type, and how many of them were saturated. */
export function computeElements(
  args: ElementwiseArgs,
  plan: ElementwisePlan,
  a: IntegerElements,
  b: IntegerElements,
  shard: number,
): Uint8Array {
  const c = plan.constants
  invariant(shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  const { min, max } = DTYPE_RANGE[args.result]
  const first = shard * c.shard_elements
  const elements = new Uint32Array(shardElements(c, shard))
  const scale = 2 ** args.shift
  let saturated = 0
  for (let i = 0; i < elements.length; i++) {
    const value = operate(args, a[first + i] as number, b[(first + i) % c.b_length] as number)
    // The quotient of an exact number by a power of two is exact, and so is the half more: it has at most 53 bits,
    // because a number of 53 bits is even or is not divided.
    const rounded = typeof value === 'bigint' || args.shift > 0 ? roundShift(value, args.shift, scale) : value
    const kept = rounded < min ? min : rounded > max ? max : rounded
    if (kept !== rounded) saturated++
    elements[i] = kept
  }
  return leafOf(elements, saturated, c.element_bytes)
}

/** round(value / 2^shift), a half upwards; what leaves 53 bits is far outside every type, and stays there. */
function roundShift(value: number | bigint, shift: number, scale: number): number {
  if (typeof value === 'bigint') {
    const half = shift === 0 ? 0n : 1n << BigInt(shift - 1)
    return Number((value + half) >> BigInt(shift))
  }
  const floor = Math.floor(value / scale)
  return floor + (2 * (value - floor * scale) >= scale ? 1 : 0)
}

export const reference = referenceFor(elementwiseSpec, ({ args, plan, inputRefs, inputs }, shard) =>
  computeElements(args, plan, elementsOf('a', inputRefs, inputs), elementsOf('b', inputRefs, inputs), shard),
)
