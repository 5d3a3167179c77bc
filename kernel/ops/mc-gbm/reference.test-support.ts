import type { PhiloxKey } from '../../seed.ts'
import { referenceFor } from '../reference.test-support.ts'
import type { GbmArgs } from './args.ts'
import { gbmSpec } from './index.ts'
import { referenceGbm } from './plain-reference.test-support.ts'
import type { GbmPlan } from './plan.ts'
import { referenceScenarios } from './scenario-reference.test-support.ts'
import { hasScenarios } from './scenarios.ts'

/** What the reference needs of an op's context. */
interface GbmContext {
  readonly args: GbmArgs
  readonly plan: GbmPlan
  readonly key: PhiloxKey
}

export function gbmLeaf({ args, plan, key }: GbmContext, shard: number): Uint8Array {
  const run = hasScenarios(args) ? referenceScenarios : referenceGbm
  return run(args, plan, key, shard)
}

export const reference = referenceFor(gbmSpec, gbmLeaf)
