import type { AcceptMethod } from '../../kernel/acceptance.ts'
import type { ExecutorKind } from '../../kernel/receipt.ts'
import type { ShardSpan } from './core/state.ts'

/**
 * What must be executed again before a job settles: shards that rest on the word alone of an agent that some hub has found
 * wrong. Pure decisions of the doubt desk (doubt-desk.ts) and the finisher (finisher.ts), which the simulation makes with the
 * same functions.
 */

/** Whose word, by key and executor. */
export interface Word {
  readonly agent: string
  readonly executor: ExecutorKind
}

/** A wrong result, as the database numbers them. */
export interface Incident extends Word {
  readonly id: number
}

export function wordKey({ agent, executor }: Word): string {
  return `${agent} ${executor}`
}

/** Whose words are doubtful by incidents that have not been looked into; these are looked into from now on. */
export function doubtedWords(
  incidents: readonly Incident[],
  examined: Set<number>,
): ReadonlyMap<string, Word> {
  const doubted = new Map<string, Word>()
  for (const incident of incidents) {
    if (examined.has(incident.id)) continue
    examined.add(incident.id)
    doubted.set(wordKey(incident), incident)
  }
  return doubted
}

interface Closed {
  readonly first: number
  readonly count: number
  readonly method: AcceptMethod
  readonly copies: readonly Word[]
}

/** Adds to `spans` the shards of a run that rest on a doubted word alone and have not been executed again. */
export function addDoubtful(
  spans: ShardSpan[],
  { first, count, method, copies }: Closed,
  doubted: Pick<ReadonlyMap<string, Word>, 'has'>,
  isRechecked: (shard: number) => boolean,
): void {
  if (method !== 'single' || !copies.some((copy) => doubted.has(wordKey(copy)))) return
  for (let shard = first; shard < first + count; shard++) {
    if (isRechecked(shard)) continue
    const last = spans.at(-1)
    if (last !== undefined && last.first + last.count === shard) last.count++
    else spans.push({ first: shard, count: 1 })
  }
}
