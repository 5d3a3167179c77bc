import { invariant } from '../../errors.ts'
import { philox4x32 } from '../../numerics/philox.ts'
import { mulHi } from '../../numerics/u32.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { PhiloxKey } from '../../seed.ts'
import { referenceFor } from '../reference.test-support.ts'
import { piSpec } from './index.ts'
import { LEAF_WORDS, type PiPlan, shardPoints } from './plan.ts'

/** 2^64. */
const TWO_64 = 0x100000000 * 0x100000000

/**
 * Whether x^2 + y^2 < 2^64, exactly, for two words. The sum in doubles is off by at most 2^12 (two squares rounded by
 * up to 2^10, their sum by up to 2^11), so it decides unless it is closer than 2^13 to the circle.
 */
export function insideCircle(x: number, y: number): boolean {
  const sum = x * x + y * y
  if (sum < TWO_64 - 8192) return true
  if (sum > TWO_64 + 8192) return false
  const low = (Math.imul(x, x) >>> 0) + (Math.imul(y, y) >>> 0)
  return mulHi(x, x) + mulHi(y, y) + (low > 0xffffffff ? 1 : 0) <= 0xffffffff
}

export function piLeaf(
  context: { readonly plan: PiPlan; readonly key: PhiloxKey },
  shard: number,
): Uint8Array {
  return referencePi(context.plan, context.key, shard)
}

/** The leaf of a shard: [points, points inside, 0, 0]. The same formula as shaders/mc/pi.v1.wgsl. */
export function referencePi(plan: PiPlan, key: PhiloxKey, shard: number): Uint8Array {
  invariant(Number.isInteger(shard) && shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  const points = shardPoints(plan, shard)
  const [k0, k1] = key
  const words = new Uint32Array(4)
  const firstPair = (shard * plan.constants.shard_points) / 2
  const high = Math.floor(firstPair / 0x100000000)
  const low = firstPair % 0x100000000
  let inside = 0
  for (let point = 0; point < points; point += 2) {
    philox4x32(words, 0, low + point / 2, high, 0, k0, k1)
    if (insideCircle(words[0] as number, words[1] as number)) inside++
    if (point + 1 < points && insideCircle(words[2] as number, words[3] as number)) inside++
  }
  const leaf = new Uint32Array(LEAF_WORDS)
  leaf[0] = points
  leaf[1] = inside
  return wordsToBytes(leaf)
}

export const reference = referenceFor(piSpec, ({ plan, key }, shard) => referencePi(plan, key, shard))
