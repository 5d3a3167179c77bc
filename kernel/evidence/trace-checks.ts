import { canonicalJson, type Json } from '../canonical.ts'
import { schemaError } from '../contract.ts'
import type { HexDigest } from '../digest.ts'
import { LIMITS } from '../limits.ts'
import { fail } from './checklist.ts'
import type { CheckedReceipt } from './receipts.ts'
import type { JobRecord } from './record.ts'
import { countTrace, REFEREE_COPY, type Trace, type TraceRun, traceSchema } from './trace.ts'

/** What a trace must be in itself, and what receipts must say for it to hold. */

/** @throws ForgeError MESSAGE_INVALID */
export function parseTrace(value: unknown): Trace {
  const parsed = traceSchema.safeParse(value)
  if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID', 'trace')
  return parsed.data
}

/** Coverage and counts. @returns what was found */
export function checkTrace(trace: Trace, record: JobRecord): string {
  let next = 0
  const named = new Set<number>()
  for (const run of trace.runs) {
    if (run.first !== next)
      fail(`shard ${Math.min(run.first, next)} is covered ${run.first < next ? 'twice' : 'by no run'}`)
    next += run.count
    for (const [agent, owner] of run.copies) {
      if ((agent === REFEREE_COPY) !== (owner === REFEREE_COPY))
        fail(`a copy of shard ${run.first} has half an owner`)
      if (agent >= trace.agents.length) fail(`shard ${run.first} has an agent that the trace does not name`)
      named.add(agent)
    }
  }
  if (next !== record.shards.accepted)
    fail(`${next} shards are covered, ${record.shards.accepted} were accepted`)
  named.delete(REFEREE_COPY)
  if (named.size !== trace.agents.length || new Set(trace.agents).size !== trace.agents.length)
    fail('the trace names an agent that has no copy, or one twice')
  const { asked: _, ...said } = record.verification
  const counted = countTrace(trace)
  if (canonicalJson(counted as unknown as Json) !== canonicalJson(said as unknown as Json))
    fail(
      `it counts ${canonicalJson(counted as unknown as Json)}, the record says ${canonicalJson(said as unknown as Json)}`,
    )
  return `${counted.copies} copies by ${counted.keys} keys of ${counted.owners} owners`
}

/** Each copy needs its receipt, and each run what the contract asked for. @returns what was found */
export function checkVerification(
  trace: Trace,
  receipts: readonly CheckedReceipt[],
  record: JobRecord,
): string {
  const index = byAgent(receipts)
  for (const run of trace.runs) {
    for (const [agent, , executor] of run.copies) {
      if (agent === REFEREE_COPY) continue
      const key = trace.agents[agent] as HexDigest
      const shard = uncovered(index.get(key) ?? [], run, executor)
      if (shard !== undefined)
        fail(`no receipt of key ${key.slice(0, 16)}… covers its copy of shard ${shard}`)
    }
    const why = unmet(run, record)
    if (why !== undefined) fail(`shard ${run.first}: ${why}`)
  }
  const { methods } = record.verification
  return `${methods.quorum} shards by quorum, ${methods.single} by one copy, ${methods.referee} by the hub's own execution, ${methods.algebraic} by an algebraic check`
}

/** Why a run falls short of what was asked; undefined when it does not. */
function unmet({ method, copies }: TraceRun, { verification: { asked } }: JobRecord): string | undefined {
  const byHub = copies.some(([agent]) => agent === REFEREE_COPY)
  const owners = new Set(copies.map(([, owner]) => owner).filter((owner) => owner !== REFEREE_COPY)).size
  if (method === 'referee') return byHub ? undefined : 'the referee is named and gave no copy'
  if (byHub) return 'a copy of the referee did not close it'
  if (method === 'quorum' && owners < 2) return `a quorum of ${owners} owners`
  if (asked.mode === 'quorum' && (method !== 'quorum' || owners < asked.k))
    return `${owners} owners where ${asked.k} were asked for`
  if (asked.mode === 'full' && method !== 'quorum') return 'one word where agreement was asked for'
  if (asked.mode === 'algebraic' && method !== 'algebraic')
    return 'no algebraic check where one was asked for'
  return undefined
}

function byAgent(receipts: readonly CheckedReceipt[]): ReadonlyMap<HexDigest, readonly CheckedReceipt[]> {
  const index = new Map<HexDigest, CheckedReceipt[]>()
  for (const receipt of receipts) {
    const mine = index.get(receipt.agent)
    if (mine === undefined) index.set(receipt.agent, [receipt])
    else mine.push(receipt)
  }
  for (const mine of index.values()) mine.sort((a, b) => a.first - b.first)
  return index
}

/** The first shard of a run that no receipt of the agent covers; undefined when all are. */
function uncovered(mine: readonly CheckedReceipt[], run: TraceRun, executor: string): number | undefined {
  let next = run.first
  while (next < run.first + run.count) {
    let reached = next
    for (let at = lastFrom(mine, next); at >= 0; at--) {
      const receipt = mine[at] as CheckedReceipt
      if (receipt.first + LIMITS.lease_shards <= next) break
      if (receipt.executor === executor) reached = Math.max(reached, agreesUntil(receipt, next))
    }
    if (reached === next) return next
    next = reached
  }
  return undefined
}

/** Place of the last receipt that begins at `shard` or before it; -1 for none. */
function lastFrom(mine: readonly CheckedReceipt[], shard: number): number {
  let low = 0
  let high = mine.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((mine[middle] as CheckedReceipt).first <= shard) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** End of the shards from `from` on for which the receipt gives the accepted digests. */
function agreesUntil({ first, count, differs }: CheckedReceipt, from: number): number {
  let end = Math.max(from, first + count)
  for (const shard of differs) if (shard >= from && shard < end) end = shard
  return end
}
