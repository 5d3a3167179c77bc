import type { Row } from './suite.ts'

/**
 * Comparing two programs on a machine that never runs evenly: A B A B …, so that whatever slows the machine for a while
 * slows both, and the median of each, so that a burst touches no result.
 */

/** Something whose speed can be sampled again and again. */
export interface Subject {
  /** What it is, with its version. */
  readonly name: string
  /** Brings compilers and caches to where they stay. Absent where a sample does that by itself. */
  warmUp?(): Promise<void>
  /** One sample of its rate; it may be the best of several short runs. */
  sample(): Promise<number>
  /** What else was seen in the samples. */
  notes?(): readonly string[]
}

/** A subject, or why this machine has none and how to get it. */
export type Found = Subject | { readonly missing: string }

/** A row of a suite before it is measured. */
export interface Comparison extends Pick<Row, 'id' | 'what' | 'rate'> {
  readonly at_least?: number
  /** The peer's rate where the bar was set: a run in which it falls below PEER_SHARE of that is invalid. */
  readonly peer_figure?: number
  ours(): Promise<Found>
  peer(): Promise<Found>
}

/** A slower peer says that the machine is loaded, or the peer is not at its best: the ratio would flatter us. */
export const PEER_SHARE = 0.8

/** @throws RangeError for no values */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  if (low === undefined || high === undefined) throw new RangeError('no values have no median')
  return (low + high) / 2
}

/**
 * Samples the two in turn, ours first.
 * @param rounds pairs
 */
export async function samplePairs(
  ours: Subject,
  peer: Subject,
  rounds: number,
  say: (line: string) => void,
): Promise<{ readonly ours: readonly number[]; readonly peer: readonly number[] }> {
  const samples = { ours: [] as number[], peer: [] as number[] }
  await ours.warmUp?.()
  await peer.warmUp?.()
  for (let round = 1; round <= rounds; round++) {
    const a = await ours.sample()
    const b = await peer.sample()
    samples.ours.push(a)
    samples.peer.push(b)
    say(`  ${round}/${rounds}: ${short(a)} against ${short(b)}, ${(a / b).toFixed(3)}x`)
  }
  return samples
}

/** Measures a row. What is missing or breaks makes the row invalid, with the reason: it is never left out. */
export async function compare(
  comparison: Comparison,
  rounds: number,
  say: (line: string) => void,
): Promise<Row> {
  const { id, what, rate, at_least, peer_figure } = comparison
  say(`${id}: ${what}`)
  const bar = at_least === undefined ? {} : { at_least }
  const blank = { id, what, rate, ...bar, unit: 'x', value: null, ours: null, peer: null, peer_value: null }
  const invalid = (reason: string, peerName: string | null = null): Row => {
    say(`  invalid: ${reason}`)
    return { ...blank, peer: peerName, invalid: reason }
  }
  let peerName: string | null = null
  try {
    const peer = await comparison.peer()
    if ('missing' in peer) return invalid(`the peer is missing: ${peer.missing}`)
    peerName = peer.name
    const ours = await comparison.ours()
    if ('missing' in ours) return invalid(`ours cannot run here: ${ours.missing}`, peer.name)
    const samples = await samplePairs(ours, peer, rounds, say)
    const [mine, theirs] = [median(samples.ours), median(samples.peer)]
    const ratios = samples.ours.map((value, i) => value / (samples.peer[i] as number))
    const slow = tooSlow(theirs, peer_figure)
    if (slow !== undefined) say(`  invalid: ${slow}`)
    return {
      ...blank,
      value: mine / theirs,
      ours: mine,
      peer: peer.name,
      peer_value: theirs,
      spread: [Math.min(...ratios), Math.max(...ratios)],
      notes: [...(ours.notes?.() ?? []), ...(peer.notes?.() ?? [])],
      ...(slow === undefined ? {} : { invalid: slow }),
    }
  } catch (thrown) {
    return invalid(thrown instanceof Error ? thrown.message : String(thrown), peerName)
  }
}

function tooSlow(measured: number, figure: number | undefined): string | undefined {
  if (figure === undefined || measured >= PEER_SHARE * figure) return undefined
  return (
    `the peer made ${short(measured)}, below ${PEER_SHARE * 100} % of the ${figure} that the bar was set against: ` +
    'run it again on an idle machine of that kind'
  )
}

/** Three or four significant digits, as people read them. */
export function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toPrecision(3)
}
