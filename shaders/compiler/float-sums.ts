import { FLOAT_MAX, floatRange, UNKNOWN_FLOAT } from './exact-float.ts'
import { ANY, join, type Range } from './range.ts'
import type { State } from './state.ts'

/** A loop, and the f32 that it carries from round to round. */
export interface FloatLoop {
  readonly floats: readonly number[]
  /** What is known before the loop. */
  readonly from: ReadonlyMap<number, Range>
  /** What is known at the loop's head, in any round; to be completed. */
  readonly head: Map<number, Range>
  /** What is known after a round that begins with nothing known of the f32. */
  readonly last: State
  /** How often the loop goes round, at most. */
  readonly rounds: number | undefined
  /** The local's range after a round that begins with the given one, and otherwise with `head`. */
  round(local: number, value: Range): Range
}

/**
 * Settles the f32 that a loop carries, in the state at its head: what each round sets anew, and sums, to which each round
 * adds terms of at most the same magnitude. What is neither stays unknown.
 * @returns the range of each sum after all rounds
 */
export function settleFloats({
  floats,
  from,
  head,
  last,
  rounds,
  round,
}: FloatLoop): ReadonlyMap<number, Range> {
  const sums = new Map<number, Range>()
  const start = (local: number): Range => from.get(local) ?? UNKNOWN_FLOAT
  let open = floats.filter((local) => {
    const after = last === undefined ? start(local) : (last.get(local) ?? UNKNOWN_FLOAT)
    if (after.terms === Number.POSITIVE_INFINITY) return true
    head.set(local, join(start(local), after))
    return false
  })
  if (rounds === undefined) return sums
  for (let progress = open.length > 0; progress; ) {
    progress = false
    open = open.filter((local) => {
      // The magnitude after a round is a convex function of that before it, made of sums, products and maxima: if it is
      // no more than the magnitude before plus a constant at both ends, it is so in between.
      const step = round(local, { ...ANY, terms: 0 }).terms
      const full = round(local, { ...ANY, terms: FLOAT_MAX }).terms
      if (!(step < Number.POSITIVE_INFINITY && full <= step + FLOAT_MAX)) return true
      const before = start(local)
      const positive =
        before.signedLow >= 0 && round(local, floatRange(0, FLOAT_MAX, FLOAT_MAX, true)).signedLow >= 0
      const after = (count: number): Range => {
        const terms = before.terms + count * step
        return floatRange(positive ? 0 : -terms, terms, terms, false)
      }
      head.set(local, after(Math.max(rounds - 1, 0)))
      sums.set(local, after(rounds))
      progress = true
      return false
    })
  }
  return sums
}
