import { join, type Range } from './range.ts'

/** What is known at one point: a range for each local that has been assigned. Undefined: the point is never reached. */
export type State = Map<number, Range> | undefined

/** What is known where two ways meet. */
export function joinStates(a: State, b: State): State {
  if (a === undefined) return b === undefined ? undefined : new Map(b)
  if (b === undefined) return new Map(a)
  const joined = new Map<number, Range>()
  for (const [local, range] of a) {
    const other = b.get(local)
    if (other !== undefined) joined.set(local, range === other ? range : join(range, other))
  }
  return joined
}
