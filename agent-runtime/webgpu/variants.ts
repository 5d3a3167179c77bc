import { sha256Hex } from '../../kernel/digest.ts'
import type { GpuProgram } from '../../kernel/ops/op.ts'
import { failed, type OpenDevice } from './device.ts'

/** Which kernel a device runs for each normative one; as long as the device lives. */
export type VariantChoices = Map<string, string>

/** A shard of less work says nothing about speed: work units. */
const TRIAL_UNITS = 2000

/** A shard as one program computed it. */
export interface Trial {
  readonly ms: number
  readonly leaf: Uint8Array
}

/**
 * The program that a device runs for a job as far as is known, and those that are still to be tried beside it: some where
 * the device can run variants and this is the first job whose shards are large enough to tell them apart.
 * @param unitsPerShard cost of a shard by the plan
 */
export function knownProgram(
  { languageFeatures }: Pick<OpenDevice, 'languageFeatures'>,
  choices: VariantChoices,
  program: GpuProgram,
  unitsPerShard: number,
): readonly [known: GpuProgram, untried: readonly GpuProgram[]] {
  const { variants = [], ...normative } = program
  const able = variants
    .filter(({ needs }) => needs === undefined || languageFeatures.has(needs))
    .map((variant): GpuProgram => ({ ...normative, ...variant }))
  const chosen = choices.get(program.kernel)
  if (chosen !== undefined) return [able.find(({ kernel }) => kernel === chosen) ?? normative, []]
  return [normative, unitsPerShard < TRIAL_UNITS ? [] : able]
}

/**
 * Keeps the fastest of several programs for one kernel. The first is the normative one: the others have to give its leaf.
 * @throws ForgeError EXECUTOR_FAILED when one gives another; as `run` does
 */
export async function tryPrograms(
  programs: readonly [GpuProgram, ...GpuProgram[]],
  choices: VariantChoices,
  kernel: string,
  run: (program: GpuProgram) => Promise<Trial>,
): Promise<GpuProgram> {
  let [fastest] = programs
  let least_ms = Number.POSITIVE_INFINITY
  let expected: string | undefined
  for (const program of programs) {
    const { ms, leaf } = await run(program)
    const digest = sha256Hex(leaf)
    expected ??= digest
    if (digest !== expected) throw failed(`${program.kernel} computes another leaf than ${kernel}`)
    if (ms >= least_ms) continue
    fastest = program
    least_ms = ms
  }
  choices.set(kernel, fastest.kernel)
  return fastest
}
