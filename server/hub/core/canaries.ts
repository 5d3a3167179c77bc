import { bytesEqual } from '../../../kernel/digest.ts'
import { canaryRate } from '../../../kernel/verification/canary.ts'
import { NO_FINDINGS } from '../../../kernel/verification/job-bound.ts'
import { blockAgent } from './blocking.ts'
import { drawsOf } from './draws.ts'
import type { HubEvent } from './events.ts'
import { HUB } from './limits.ts'
import { passChecksOf, standingOf } from './standings.ts'
import type { Canary, HubJob, HubLease, HubSession, HubState, KnownRun, Run } from './state.ts'
import type { Turn } from './turn.ts'
import { copiesPaid } from './verify-policy.ts'
import { voicesOf } from './voices.ts'

/**
 * Canaries: leases of shards that the referee has executed before. They are of the job that it would have been the agent's
 * turn to work for, of about the size of the lease that it would have got, and lie beyond what it has seen of the job
 * where its work does; nothing in them says what they are. What comes back never enters the job. One wrong shard ends the
 * agent as any other wrong result does; the network pays for the work.
 */

/** These shards are no chunk's: none of them is accepted. */
const NO_CHUNK = { chunk: -1, epoch: 0 }

/** Keeps the referee's word on some shards of a run that has closed, in the place of the oldest. */
export function rememberKnown(
  job: HubJob,
  { first, count, copies }: Run,
  places: readonly number[],
  digests: readonly Uint8Array[],
): void {
  if (places.length === 0 || (job.verify.mode !== 'adaptive' && job.verify.mode !== 'spotcheck')) return
  const kept = places.slice(0, HUB.known_places)
  const bytes = new Uint8Array(32 * kept.length)
  for (const at of kept.keys()) bytes.set(digests[at] ?? new Uint8Array(32), 32 * at)
  const voices = new Set(copies.flatMap(voicesOf))
  job.known[job.known_next] = { first, count, places: kept, digests: bytes, voices }
  job.known_next = (job.known_next + 1) % HUB.known_runs
}

export interface CanaryChoice extends Canary {
  readonly first: number
  readonly count: number
}

/** Draws whether the agent's next lease of this job is a canary, and which. @param size shards of a lease of work */
export function drawCanary(
  state: HubState,
  job: HubJob,
  session: HubSession,
  size: number,
): CanaryChoice | undefined {
  if (job.known.length === 0) return undefined
  const standing = standingOf(state, { agent: session.agent.id, executor: session.executor })
  const rate = canaryRate(job.verify, standing)
  if (rate === 0) return undefined
  const draw = drawsOf(state)
  if (draw() >= rate) return undefined
  const start = Math.floor(draw() * job.known.length)
  // Copies of what others have begun lie anywhere; whoever works alone is led through the job in one direction.
  const from = standing.isOnProbation || session.reached?.job !== job ? 0 : session.reached.end
  for (let at = 0; at < Math.min(HUB.canary_candidates, job.known.length); at++) {
    const known = job.known[(start + at) % job.known.length]
    if (known === undefined || known.first < from) continue
    if (voicesOf(session).some((voice) => known.voices.has(voice))) continue
    // One that is much shorter than work could be told from it.
    if (2 * known.count < size) continue
    const choice = cut(known, size, draw())
    if (choice !== undefined) return choice
  }
  return undefined
}

/** A part of a known run with at least one known shard in it. @param where in [0, 1) */
function cut(known: KnownRun, size: number, where: number): CanaryChoice | undefined {
  const count = Math.min(size, known.count)
  const place = known.places[Math.floor(where * known.places.length)] ?? 0
  const offset = Math.max(0, Math.min(place - Math.floor(where * count), known.count - count))
  const from = known.places.findIndex((one) => one >= offset)
  const beyond = known.places.findIndex((one) => one >= offset + count)
  const to = beyond === -1 ? known.places.length : beyond
  return from === -1 || to <= from ? undefined : { known, from, to, first: known.first + offset, count }
}

/** Compares what came back for a canary with what is known. */
export function judgeCanary(
  turn: Turn,
  lease: HubLease,
  canary: Canary,
  event: HubEvent & { t: 'result.received' },
): void {
  const { job, session, first, count } = lease
  const { known, from, to } = canary
  const wrong = known.places.slice(from, to).find((place, at) => {
    const offset = known.first + place - first
    const expected = known.digests.subarray(32 * (from + at), 32 * (from + at + 1))
    return !bytesEqual(event.digests.subarray(32 * offset, 32 * offset + 32), expected)
  })
  const { agent, owner, executor } = session
  const isRight = wrong === undefined
  const said = { lease_id: lease.id, agent: agent.id, owner, shards: count }
  turn.effects.push({
    t: 'persist',
    job_id: job.id,
    ...NO_CHUNK,
    submitter: job.owner,
    copies_paid: copiesPaid(job.verify),
    findings: { ...NO_FINDINGS, canaries: 1, canaries_bad: isRight ? 0 : 1 },
    shard_count: 0,
    runs: [],
    credits: isRight ? [{ ...said, session: session.id, executor }] : [],
    canaries: [{ ...said, isRight }],
  })
  if (wrong === undefined) {
    passChecksOf(turn, { agent: agent.id, executor }, to - from)
    return
  }
  // What it is has been told now: nobody is asked it again.
  const at = job.known.indexOf(known)
  if (at !== -1) job.known[at] = { ...known, places: [] }
  const reason = `shard ${known.first + wrong} of job ${job.id} differs from the referee's execution, which was known before`
  blockAgent(turn, agent.id, reason, { session: session.id, lease_id: lease.id, executor }, job.id)
}
