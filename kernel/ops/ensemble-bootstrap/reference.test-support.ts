import type { InputRef } from '../../contract.ts'
import { invariant } from '../../errors.ts'
import { philox4x32 } from '../../numerics/philox.ts'
import { mulHi } from '../../numerics/u32.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { InputBytes, ShardContext } from '../op.ts'
import { referenceFor } from '../reference.test-support.ts'
import { shardSamples } from '../samples.ts'
import type { BootstrapArgs } from './args.ts'
import { HEADER_WORDS, packColumn, statisticWords } from './column.ts'
import { bootstrapSpec } from './index.ts'
import { type BootstrapConstants, leafWords } from './plan.ts'

/** The leaf of a shard. The same formula as shaders/ensemble/bootstrap.v1.wgsl, whose header states it. */
export function referenceBootstrap(
  { args, plan, key, inputRefs }: ShardContext<BootstrapArgs, BootstrapConstants>,
  inputs: InputBytes,
  shard: number,
): Uint8Array {
  invariant(Number.isInteger(shard) && shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  const bytes = inputs.get('data')
  invariant(bytes !== undefined, 'the operand of the contract')
  const words = packColumn(args, inputRefs.data as InputRef, bytes)
  const { log2_shard_paths, statistic_words } = plan.constants
  const n = words[0] as number
  const leaf = new Uint32Array(leafWords(statistic_words, log2_shard_paths))
  leaf.set(words.subarray(0, HEADER_WORDS))
  const resamples = shardSamples(plan, shard)
  leaf[1] = resamples
  const random = new Uint32Array(4)
  for (let i = 0; i < resamples; i++) {
    const resample = (shard << log2_shard_paths) | i
    const rowOf = (draw: number): number => {
      if ((draw & 3) === 0) philox4x32(random, draw >>> 2, resample, 0, 0, key[0], key[1])
      return mulHi(random[draw & 3] as number, n)
    }
    leaf.set(statisticWords(args, words, rowOf), HEADER_WORDS + statistic_words * i)
  }
  return wordsToBytes(leaf)
}

export const reference = referenceFor(bootstrapSpec, (run, shard) =>
  referenceBootstrap(run, run.inputs, shard),
)
