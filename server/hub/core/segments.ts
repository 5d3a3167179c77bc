import { bytesEqual } from '../../../kernel/digest.ts'
import { invariant } from '../../../kernel/errors.ts'
import type { ExecutorKind } from '../../../kernel/receipt.ts'

/**
 * The open shards of a job, as runs that share one history. A plan is implicit, so a job begins as one run; a lease
 * splits a run, an acceptance removes it. Memory follows the leases in flight, never the number of shards.
 */

/** One execution of a run: promised by a lease, then returned. */
export interface Copy {
  readonly lease_id: string
  readonly session: string
  readonly agent: string
  readonly owner: string
  readonly executor: ExecutorKind
  /** 32 bytes a shard once returned. */
  digests: Uint8Array | undefined
  /** Kept by the first returned copy only: agreeing copies have the same bytes, and a dispute goes to the referee. */
  leaves: readonly Uint8Array[] | undefined
}

export interface Segment {
  readonly first: number
  readonly count: number
  readonly copies: readonly Copy[]
  /** When the first copy came back; undefined before. */
  readonly returned_ms: number | undefined
  /** A shard whose copies disagree, or lack an owner: only the referee closes it. */
  readonly disputed: boolean
}

export function freshSegment(first: number, count: number): Segment {
  return { first, count, copies: [], returned_ms: undefined, disputed: false }
}

/** The part of a segment from `offset`, `count` shards long, with its copies' data cut alike. */
export function slice(segment: Segment, offset: number, count: number): Segment {
  if (offset === 0 && count === segment.count) return segment
  invariant(offset >= 0 && count > 0 && offset + count <= segment.count, 'a slice lies inside its segment')
  return {
    ...segment,
    first: segment.first + offset,
    count,
    copies: segment.copies.map((copy) => ({
      ...copy,
      digests: copy.digests?.subarray(32 * offset, 32 * (offset + count)),
      leaves: copy.leaves?.slice(offset, offset + count),
    })),
  }
}

/** Sorted by `first`, disjoint. All methods keep it so. */
export class SegmentList {
  #list: Segment[]

  constructor(segments: readonly Segment[]) {
    this.#list = [...segments]
  }

  get all(): readonly Segment[] {
    return this.#list
  }

  get length(): number {
    return this.#list.length
  }

  /** Nothing is open any more. */
  clear(): void {
    this.#list = []
  }

  /** Replaces the segment at `index` by `parts`, which together cover the same shards or fewer. */
  replace(index: number, parts: readonly Segment[]): void {
    this.#list.splice(index, 1, ...parts)
  }

  /** Adds a copy to the first `count` shards of a segment. */
  lease(index: number, count: number, copy: Copy): Segment {
    const segment = this.#list[index]
    invariant(
      segment !== undefined && count >= 1 && count <= segment.count,
      'a lease lies inside its segment',
    )
    const taken = slice(segment, 0, count)
    const leased: Segment = { ...taken, copies: [...taken.copies, copy] }
    const rest = count < segment.count ? [slice(segment, count, segment.count - count)] : []
    this.replace(index, [leased, ...rest])
    return leased
  }

  /** Takes back the copies for which `drop` is true, and joins neighbouring untouched runs. */
  dropCopies(drop: (copy: Copy) => boolean): void {
    let changed = false
    const next = this.#list.map((segment) => {
      const copies = segment.copies.filter((copy) => !drop(copy))
      if (copies.length === segment.copies.length) return segment
      changed = true
      const returned = copies.some((copy) => copy.digests !== undefined)
      return {
        ...segment,
        copies,
        returned_ms: returned ? segment.returned_ms : undefined,
        disputed: segment.disputed && returned,
      }
    })
    if (!changed) return
    this.#list = joinFresh(next)
  }

  /** Fills in what a lease returned: digests, and leaves where no earlier copy has them. */
  fill(
    lease_id: string,
    lease_first: number,
    digests: Uint8Array,
    leaves: readonly Uint8Array[],
    now_ms: number,
  ): void {
    this.#list = this.#list.map((segment) => {
      if (!segment.copies.some((copy) => copy.lease_id === lease_id)) return segment
      const offset = segment.first - lease_first
      const held = segment.copies.some((copy) => copy.leaves !== undefined)
      return {
        ...segment,
        returned_ms: segment.returned_ms ?? now_ms,
        copies: segment.copies.map((copy) =>
          copy.lease_id === lease_id
            ? {
                ...copy,
                digests: digests.subarray(32 * offset, 32 * (offset + segment.count)),
                leaves: held ? undefined : leaves.slice(offset, offset + segment.count),
              }
            : copy,
        ),
      }
    })
  }
}

function joinFresh(segments: readonly Segment[]): Segment[] {
  const joined: Segment[] = []
  for (const segment of segments) {
    const last = joined.at(-1)
    const fresh = segment.copies.length === 0 && !segment.disputed
    if (
      last !== undefined &&
      fresh &&
      last.copies.length === 0 &&
      !last.disputed &&
      last.first + last.count === segment.first
    ) {
      joined[joined.length - 1] = freshSegment(last.first, last.count + segment.count)
    } else {
      joined.push(fresh ? freshSegment(segment.first, segment.count) : segment)
    }
  }
  return joined
}

/** Runs of shards not yet in `accepted`, a bit a shard. */
export function openSegments(shard_count: number, isAccepted: (shard: number) => boolean): Segment[] {
  const open: Segment[] = []
  let start = -1
  for (let shard = 0; shard <= shard_count; shard++) {
    const closed = shard === shard_count || isAccepted(shard)
    if (!closed && start < 0) start = shard
    if (closed && start >= 0) {
      open.push(freshSegment(start, shard - start))
      start = -1
    }
  }
  return open
}

/** Whether all returned copies agree on the shard at `offset`. */
export function agrees(segment: Segment, offset: number): boolean {
  const first = segment.copies[0]?.digests?.subarray(32 * offset, 32 * offset + 32)
  return (
    first !== undefined &&
    segment.copies.every(
      (copy) =>
        copy.digests !== undefined && bytesEqual(copy.digests.subarray(32 * offset, 32 * offset + 32), first),
    )
  )
}
