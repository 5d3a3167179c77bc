import type { AcceptedRun } from '../../../kernel/acceptance.ts'
import type { ForgeErrorJson } from '../../../kernel/errors.ts'
import type { UnsignedMessage } from '../../../kernel/protocol.ts'
import { NO_FINDINGS } from '../../../kernel/verification/job-bound.ts'
import type { Credit, HubEffect, PassedChecks } from './events.ts'
import { type JobTrigger, transition } from './lifecycle.ts'
import type { HubChunk, HubJob, HubState } from './state.ts'
import { copiesPaid } from './verify-policy.ts'

/** One step under way: the state, and what it has asked for so far. What every part of the core does stands here. */
export interface Turn {
  readonly state: HubState
  readonly effects: HubEffect[]
  /** What this step has accepted, by chunk. Undefined as of most steps: nothing. */
  accepted: Map<HubChunk, AcceptedPart> | undefined
  /** Results that checks of this step have found right, by agent and executor. Undefined: none. */
  passed: Map<string, PassedChecks> | undefined
}

interface AcceptedPart {
  readonly runs: AcceptedRun[]
  readonly credits: Credit[]
}

/** What this step has accepted of a chunk, to add to. */
export function acceptedOf(turn: Turn, chunk: HubChunk): AcceptedPart {
  turn.accepted ??= new Map()
  let part = turn.accepted.get(chunk)
  if (part === undefined) {
    part = { runs: [], credits: [] }
    turn.accepted.set(chunk, part)
  }
  return part
}

/**
 * Leases carry their own number, everything else the newest: a resumed agent names the last it saw, and gets exactly the
 * leases that it has not seen.
 */
export function sendTo(turn: Turn, session: string, message: UnsignedMessage, lease_number?: number): void {
  turn.effects.push({ t: 'send', session, seq: lease_number ?? turn.state.next_lease - 1, message })
}

/** Applies a trigger to the job's lifecycle, and says so when the phase changes. */
export function movePhase(turn: Turn, job: HubJob, trigger: JobTrigger, failure?: ForgeErrorJson): void {
  const phase = transition(job.phase, trigger)
  if (phase === job.phase) return
  job.phase = phase
  turn.effects.push({ t: 'job.phase', job_id: job.id, phase, ...(failure === undefined ? {} : { failure }) })
}

/** Running while a shard is untouched, verifying when none is. */
export function updatePhase(turn: Turn, job: HubJob): void {
  movePhase(turn, job, job.fresh_count > 0 || !job.isExhausted ? 'untouched_again' : 'all_touched')
}

/** Asks for what this step has accepted to be stored: one effect a chunk. */
export function persistAccepted(turn: Turn): void {
  for (const [chunk, { runs, credits }] of turn.accepted ?? []) {
    const { job } = chunk
    let shard_count = 0
    for (const { count } of runs) shard_count += count
    turn.effects.push({
      t: 'persist',
      job_id: job.id,
      chunk: chunk.number,
      epoch: chunk.epoch,
      submitter: job.owner,
      copies_paid: copiesPaid(job.verify),
      findings: job.findings,
      shard_count,
      runs,
      credits,
    })
    job.findings = NO_FINDINGS
    updatePhase(turn, job)
  }
  turn.accepted = undefined
  if (turn.passed !== undefined) turn.effects.push({ t: 'agents.passed', passed: [...turn.passed.values()] })
}
