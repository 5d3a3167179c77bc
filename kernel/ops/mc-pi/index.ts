import { FIRST_LOOK } from '../../early-stopping.ts'
import { defineOp } from '../../job.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { OpSpec } from '../op.ts'
import { type PiArgs, piArgs, SHARD_POINTS } from './args.ts'
import { goldenPi } from './golden.ts'
import { LEAF_WORDS, type PiConstants, planPi } from './plan.ts'
import {
  checkPiLeaf,
  estimatePi,
  type PiAggregate,
  type PiResult,
  piFold,
  piResult,
  reducePi,
  summarisePi,
} from './result.ts'

/** Pairs of points that one GPU invocation counts; PAIRS_PER_INVOCATION of the kernel. */
const PAIRS_PER_INVOCATION = 64

export const piSpec: OpSpec<PiArgs, PiConstants, PiAggregate, PiResult> = {
  ref: { name: 'mc', version: 1, profile: 'pi.v1' },
  title: 'π by random points',
  description:
    'Counts how many random points of the unit square lie inside the quarter circle; four times that fraction ' +
    'estimates π. The counts are exact integers, the same on every device.',
  args: piArgs,
  inputs: {},
  example: { points: 100_000_000 },
  golden: goldenPi,
  kernel: 'mc/pi.v1',
  tables: [],
  plan: planPi,
  gpu: ({ plan, key }) => ({
    kernel: 'mc/pi.v1',
    tables: [],
    words: Uint32Array.of(key[0], key[1], plan.shard_count - 1, plan.constants.last_points),
    invocations: SHARD_POINTS / 2 / PAIRS_PER_INVOCATION,
    slot_words: LEAF_WORDS,
    inputs: [],
    leaf: (_shard, slot) => wordsToBytes(slot),
  }),
  checkLeaf: checkPiLeaf,
  fold: piFold,
  estimate: (_args, _plan, aggregate) => estimatePi(aggregate),
  stopping: {
    first_look: FIRST_LOOK,
    shardSamples: (plan) => plan.constants.shard_points,
    outcomes: ({ points, inside }) => [inside, points - inside],
  },
  reduce: (_args, _plan, aggregate, convergence) => ({
    result: reducePi(aggregate, convergence),
    artifacts: [],
  }),
  result: piResult,
  summarise: (_args, result) => summarisePi(result),
}

export const pi = defineOp(piSpec)
