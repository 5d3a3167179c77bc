import { canonicalJson, type Json } from '../canonical.ts'
import { schemaError } from '../contract.ts'
import type { HexDigest } from '../digest.ts'
import { fail } from './checklist.ts'
import type { CheckedReceipt } from './receipts.ts'
import type { JobRecord } from './record.ts'
import { checkBound } from './recorded-bound.ts'
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
  const { asked: _, canaries: __, bound: ___, ...said } = record.verification
  const counted = countTrace(trace)
  if (canonicalJson(counted as unknown as Json) !== canonicalJson(said as unknown as Json))
    fail(
      `it counts ${canonicalJson(counted as unknown as Json)}, the record says ${canonicalJson(said as unknown as Json)}`,
    )
  return `${counted.copies} copies by ${counted.keys} keys of ${counted.owners} owners${checkBound(record)}`
}

/** Each copy needs its receipt, and each run what the contract asked for. @returns what was found */
export function checkVerification(
  trace: Trace,
  receipts: readonly CheckedReceipt[],
  record: JobRecord,
): string {
  const vouched = vouchedShards(receipts)
  for (const run of trace.runs) {
    for (const [agent, , executor] of run.copies) {
      if (agent === REFEREE_COPY) continue
      const key = trace.agents[agent] as HexDigest
      const shard = unvouched(vouched.get(`${key} ${executor}`) ?? [], run)
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
  const byAgents = copies.filter(([agent]) => agent !== REFEREE_COPY)
  const byHub = byAgents.length < copies.length
  if (method === 'referee') return byHub ? undefined : 'the referee is named and gave no copy'
  if (byHub) return 'a copy of the referee did not close it'
  // One key may have had two owners, one after the other; it is one witness all the same.
  const voices = Math.min(
    new Set(byAgents.map(([agent]) => agent)).size,
    new Set(byAgents.map(([, owner]) => owner)).size,
  )
  if (method === 'quorum' && voices < 2) return `a quorum of ${voices}`
  if (asked.mode === 'quorum' && (method !== 'quorum' || voices < asked.k))
    return `${voices} owners with keys of their own where ${asked.k} were asked for`
  if (asked.mode === 'full' && method !== 'quorum') return 'one word where agreement was asked for'
  if (asked.mode === 'algebraic' && method !== 'algebraic')
    return 'no algebraic check where one was asked for'
  return undefined
}

/** Shards from `first` up to, not including, `end`. */
interface Span {
  readonly first: number
  readonly end: number
}

/** By agent and executor the shards for which receipts give the accepted digests: disjoint spans, ascending, never adjacent. */
function vouchedShards(receipts: readonly CheckedReceipt[]): ReadonlyMap<string, readonly Span[]> {
  const spans = new Map<string, Span[]>()
  for (const { agent, executor, first, count, differs } of receipts) {
    const name = `${agent} ${executor}`
    const mine = spans.get(name) ?? []
    spans.set(name, mine)
    let next = first
    for (const shard of differs) {
      if (shard > next) mine.push({ first: next, end: shard })
      next = shard + 1
    }
    if (first + count > next) mine.push({ first: next, end: first + count })
  }
  return new Map([...spans].map(([name, mine]) => [name, joined(mine)]))
}

function joined(spans: Span[]): readonly Span[] {
  const disjoint: Span[] = []
  for (const span of spans.sort((a, b) => a.first - b.first)) {
    const last = disjoint.at(-1)
    if (last === undefined || span.first > last.end) disjoint.push(span)
    else if (span.end > last.end) disjoint[disjoint.length - 1] = { first: last.first, end: span.end }
  }
  return disjoint
}

/** The first shard of a run that lies in none of the spans; undefined when all do. */
function unvouched(spans: readonly Span[], { first, count }: TraceRun): number | undefined {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((spans[middle] as Span).first <= first) low = middle + 1
    else high = middle
  }
  const end = Math.max(spans[low - 1]?.end ?? first, first)
  return end < first + count ? end : undefined
}
