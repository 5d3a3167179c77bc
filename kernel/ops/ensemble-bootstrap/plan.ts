import type { InputRefs } from '../../contract.ts'
import { ForgeError } from '../../errors.ts'
import type { Plan } from '../op.ts'
import { cutSamples, type SampleCut } from '../samples.ts'
import type { BootstrapArgs } from './args.ts'
import { CHUNK_ROWS, HEADER_WORDS, statisticSize } from './column.ts'

export type BootstrapConstants = SampleCut & {
  readonly rows: number
  /** Words of a resample in the leaf. */
  readonly statistic_words: number
}

export type BootstrapPlan = Plan<BootstrapConstants>

/** Rows, at most: five digits of four bits number them. */
const MAX_ROWS = 2 ** 20

/** Nanoseconds of the reference, measured on one core and rounded. */
const COST_NS = { resample: 1000, mean: 30, quantile: 40, correlation: 100 }

/** @throws ForgeError INPUT_INVALID or ARGS_OUT_OF_RANGE where the data has too many rows or too few columns */
export function planBootstrap(args: BootstrapArgs, inputs: InputRefs): BootstrapPlan {
  const [rows = 1, columns = 1] = inputs.data?.shape ?? []
  if (rows > MAX_ROWS)
    throw new ForgeError('INPUT_INVALID', `${rows} rows; the limit is ${MAX_ROWS}`, {
      path: 'inputs.data.shape',
      hint: 'Take a sample of the rows.',
    })
  const wanted =
    args.statistic === 'correlation' ? (['column', 'other_column'] as const) : (['column'] as const)
  for (const name of wanted) {
    if (args[name] >= columns)
      throw new ForgeError('ARGS_OUT_OF_RANGE', `the data has ${columns} columns, counted from 0`, {
        path: `args.${name}`,
        hint: `Use at most ${columns - 1}.`,
      })
  }
  const size = statisticSize(args)
  const most = size === 2 ? 8 : 6
  const { cut, shard_count, work_units } = cutSamples(
    args.resamples,
    COST_NS.resample + rows * COST_NS[args.statistic],
    most,
    // Of several stages each has at least four invocations.
    rows > CHUNK_ROWS ? 2 : 0,
  )
  return {
    shard_count,
    work_units,
    leaf: { kind: 'inline', max_bytes: 4 * leafWords(size, cut.log2_shard_paths) },
    constants: { ...cut, rows, statistic_words: size },
  }
}

export function leafWords(statisticWords: number, log2Resamples: number): number {
  return HEADER_WORDS + statisticWords * 2 ** log2Resamples
}
