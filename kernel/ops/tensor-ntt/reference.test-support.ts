import { invariant } from '../../errors.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { IntegerElements } from '../operand.ts'
import { elementsOf } from '../operand.ts'
import { referenceFor } from '../reference.test-support.ts'
import { addMod, FIELDS, inverseMod, mulMod, type PrimeField, subMod, zeta, zetaTable } from './field.ts'
import { nttSpec } from './index.ts'
import type { NttConstants, NttPlan } from './plan.ts'

/** A sequence modulo x^M - weight over the field: the sum of element j + k M times weight^k for every j < M. */
function fold(elements: IntegerElements, field: PrimeField, c: NttConstants, weight: number): Uint32Array {
  const { p } = field
  const size = 2 ** c.log2_size
  const folded = new Uint32Array(size)
  for (let first = Math.ceil(elements.length / size) * size - size; first >= 0; first -= size) {
    for (let j = 0; j < size; j++) folded[j] = mulMod(folded[j] as number, weight, p)
    const end = Math.min(size, elements.length - first)
    for (let j = 0; j < end; j++) {
      const element = elements[first + j] as number
      const value = (element < 0 ? element + 2 * p : element) % p
      folded[j] = addMod(folded[j] as number, value, p)
    }
  }
  return folded
}

/** The roots of a shard's butterflies: zeta(2 (part 2^level + node)) = zeta(2 node) zeta(part 2^(level + 1)). */
interface Roots {
  readonly node: Uint32Array
  readonly level: readonly number[]
}

function rootsOf(field: PrimeField, c: NttConstants, part: number, inverse: boolean): Roots {
  const level = Array.from({ length: c.log2_size }, (_, depth) => {
    const root = zeta(field, part << (depth + 1))
    return inverse ? inverseMod(root, field.p) : root
  })
  return { node: zetaTable(field, 2 ** (c.log2_size - 1), inverse), level }
}

function down(values: Uint32Array, { p }: PrimeField, roots: Roots): void {
  for (let level = 0, span = values.length >> 1; span > 0; level++, span >>= 1) {
    for (let node = 0, start = 0; start < values.length; node++, start += 2 * span) {
      const root = mulMod(roots.node[node] as number, roots.level[level] as number, p)
      for (let low = start; low < start + span; low++) {
        const x = values[low] as number
        const y = mulMod(values[low + span] as number, root, p)
        values[low] = addMod(x, y, p)
        values[low + span] = subMod(x, y, p)
      }
    }
  }
}

function up(values: Uint32Array, { p }: PrimeField, roots: Roots): void {
  for (let level = roots.level.length - 1, span = 1; span < values.length; level--, span *= 2) {
    for (let node = 0, start = 0; start < values.length; node++, start += 2 * span) {
      const root = mulMod(roots.node[node] as number, roots.level[level] as number, p)
      for (let low = start; low < start + span; low++) {
        const x = values[low] as number
        const y = values[low + span] as number
        values[low] = addMod(x, y, p)
        values[low + span] = mulMod(subMod(x, y, p), root, p)
      }
    }
  }
}

/** The leaf: a b mod (x^M - zeta(part)) over the shard's field, M words. As shaders/tensor/ntt.v1.wgsl, by plain residues. */
export function referenceNtt(
  plan: NttPlan,
  a: IntegerElements,
  b: IntegerElements,
  shard: number,
): Uint8Array {
  const c = plan.constants
  const field = FIELDS[shard >> c.log2_parts]
  invariant(field !== undefined && shard >= 0, 'a shard of the plan')
  const part = shard & (2 ** c.log2_parts - 1)
  const weight = zeta(field, part)
  const roots = rootsOf(field, c, part, false)
  const left = fold(a, field, c, weight)
  const right = fold(b, field, c, weight)
  down(left, field, roots)
  down(right, field, roots)
  const scale = inverseMod(left.length, field.p)
  for (let i = 0; i < left.length; i++) {
    const product = mulMod(left[i] as number, right[i] as number, field.p)
    left[i] = mulMod(product, scale, field.p)
  }
  up(left, field, rootsOf(field, c, part, true))
  return wordsToBytes(left)
}

export const reference = referenceFor(nttSpec, ({ plan, inputRefs, inputs }, shard) =>
  referenceNtt(plan, elementsOf('a', inputRefs, inputs), elementsOf('b', inputRefs, inputs), shard),
)
