import { wordsToBytes } from '../../numerics/words.ts'
import type { GpuProgram } from '../op.ts'
import type { GbmArgs } from './args.ts'
import type { GbmConstants, GbmPlan } from './plan.ts'
import { hasScenarios, isWatched, slotWords, WALKS_WITH_GREEKS } from './scenarios.ts'

/** European and Asian prices alone. */
export const KERNEL = 'mc/gbm.v1'
const SCENARIOS_KERNEL = 'mc/gbm-scenarios.v1'
export const TABLES = ['normal-quantile', 'exp2'] as const

export function kernelOf(args: GbmArgs): string {
  return hasScenarios(args) ? SCENARIOS_KERNEL : KERNEL
}

/** Path-steps of one GPU invocation, about. Its loops stay below 6 * 3 * 1024 + 1024 * 8 iterations. */
const INVOCATION_STEPS = 1024

export function gpuGbm(args: GbmArgs, plan: GbmPlan, key: readonly [number, number]): GpuProgram {
  const c = plan.constants
  const walks = args.greeks === true ? WALKS_WITH_GREEKS : 1
  const shardPaths = 1 << c.log2_shard_paths
  const pathsPerInvocation = Math.max(Math.floor(INVOCATION_STEPS / (args.steps * walks)), 1)
  const kernel = kernelOf(args)
  const start = [key[0], key[1], plan.shard_count - 1, c.last_paths, c.log2_shard_paths, pathsPerInvocation]
  const program: GpuProgram = {
    kernel,
    tables: TABLES,
    words: hasScenarios(args)
      ? Uint32Array.from([...start, ...scenarioParams(args, c), ...slotWords(c.scenarios?.walks ?? [])])
      : Uint32Array.from([...start, ...plainParams(args, c)]),
    invocations: Math.ceil(shardPaths / pathsPerInvocation),
    slot_words: plan.leaf.max_bytes / 4,
    inputs: [],
    leaf: (_shard, slot) => wordsToBytes(slot),
  }
  return { ...program, variants: [{ ...program, kernel: `${kernel}.f32` }] }
}

function plainParams(args: GbmArgs, c: GbmConstants): readonly number[] {
  const asian = args.style === 'asian'
  return [
    args.steps,
    asian ? 1 : 0,
    c.normal_shift,
    c.volatility,
    c.x_bits,
    asian ? c.step_drift_fraction : 0,
    asian ? c.step_drift : c.total_drift,
    args.right === 'put' ? 1 : 0,
    c.strike,
    30 - c.ratio_bits,
    c.average_shift,
    c.average_factor,
    c.bin_shift,
    0,
  ]
}

function scenarioParams(args: GbmArgs, c: GbmConstants): readonly number[] {
  const watched = isWatched(args)
  const { subject, againstLast, negate } = gainOf(args)
  const type = args.barrier_type
  return [
    args.greeks === true ? 6 : 1,
    watched ? args.steps : 0,
    watched ? 0 : args.steps,
    c.normal_shift,
    c.x_bits,
    30 - c.ratio_bits,
    c.average_shift,
    c.average_factor,
    c.bin_shift,
    c.strike,
    c.scenarios?.barrier ?? 0,
    c.scenarios?.rebate ?? 0,
    subject,
    againstLast ? 1 : 0,
    negate ? 1 : 0,
    args.style === 'digital' ? 1 : 0,
    type === undefined ? 0 : type.startsWith('up') ? 1 : 2,
    type?.endsWith('in') ? 1 : 0,
  ]
}

const SUBJECT = { last: 0, average: 1, highest: 2, lowest: 3 } as const

/** What is compared with what at maturity, as the kernel's header says. */
function gainOf({ style, right, strike_type }: GbmArgs) {
  const put = right === 'put'
  if (style !== 'lookback') {
    return { subject: style === 'asian' ? SUBJECT.average : SUBJECT.last, againstLast: false, negate: put }
  }
  // A floating call is last - lowest, a floating put highest - last; a fixed call highest - strike.
  const floating = strike_type === 'floating'
  return {
    subject: floating === put ? SUBJECT.highest : SUBJECT.lowest,
    againstLast: floating,
    negate: floating !== put,
  }
}
