import { OUTCOME_BINS } from './outcome.ts'

export interface OutcomeSample {
  readonly outcome: bigint
  readonly bin: number
  readonly control: bigint
  readonly saturated: number
}

/** The 528 words of a leaf, from its definition in shaders/prelude/tally.wgsl. */
export function outcomeWords(samples: readonly OutcomeSample[]): number[] {
  const bins = new Array<number>(OUTCOME_BINS).fill(0)
  for (const { outcome, bin } of samples) {
    const at = Math.min(bin, OUTCOME_BINS - 1)
    if (outcome !== 0n) bins[at] = (bins[at] as number) + 1
  }
  const sum = (of: (sample: OutcomeSample) => bigint) =>
    samples.reduce((total, sample) => total + of(sample), 0n)
  const limbs = (value: bigint): number[] =>
    [0n, 32n, 64n, 96n].map((shift) => Number((value >> shift) & 0xffffffffn))
  return [
    samples.length,
    samples.filter(({ outcome }) => outcome === 0n).length,
    samples.reduce((total, { saturated }) => total + saturated, 0),
    samples.reduce((largest, { outcome }) => Math.max(largest, Number(outcome)), 0),
    ...limbs(sum(({ outcome }) => outcome)),
    ...limbs(sum(({ outcome }) => outcome * outcome)),
    ...limbs(sum(({ control }) => control)),
    ...bins,
  ]
}
