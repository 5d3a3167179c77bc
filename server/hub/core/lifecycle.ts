/**
 * The life of a job inside the hub.
 *
 * A job is **planned** when the hub has it. It is **running** from its first lease. It is **verifying** once no shard
 * is untouched: what remains is second copies and the referee. It is **settled** when every shard is accepted and
 * durable and its result stored. A job that is not settled may be **cancelled** by its submitter, **expire** at its
 * time limit, or **fail** when the network cannot finish it. A final state never changes. A lease that is lost can
 * bring a verifying job back to running.
 */
export type JobPhase = 'planned' | 'running' | 'verifying' | 'settled' | 'cancelled' | 'expired' | 'failed'
export type JobTrigger =
  | 'leased'
  | 'all_touched'
  | 'untouched_again'
  | 'completed'
  | 'cancelled'
  | 'timed_out'
  | 'broken'

export function isFinal(phase: JobPhase): boolean {
  return phase === 'settled' || phase === 'cancelled' || phase === 'expired' || phase === 'failed'
}

/** @returns the next phase, the same one when the trigger changes nothing */
export function transition(phase: JobPhase, trigger: JobTrigger): JobPhase {
  if (isFinal(phase)) return phase
  switch (trigger) {
    case 'leased':
      return phase === 'planned' ? 'running' : phase
    case 'all_touched':
      return phase === 'running' ? 'verifying' : phase
    case 'untouched_again':
      return phase === 'verifying' ? 'running' : phase
    case 'completed':
      return 'settled'
    case 'cancelled':
      return 'cancelled'
    case 'timed_out':
      return 'expired'
    case 'broken':
      return 'failed'
    default:
      return trigger satisfies never
  }
}

/**
 * The life of a run of shards.
 *
 * A run is **open** while agents owe it copies: promised ones, or ones that nobody has promised yet. When all copies
 * that it needs are back and agree, it is **closed**, or is **audited** first: the referee executes a sample of it.
 * Copies that disagree make it **disputed**: no agent's word closes it any more. A disputed run, and an open one to
 * which no further agent may give a copy, waits for the referee and is **refereed** while the referee executes all of it;
 * the answer closes it. When the copies of a disputed or audited run are taken back, because their agent was found
 * wrong, it is open again. A closed run never changes.
 */
export type RunStage = 'open' | 'audited' | 'disputed' | 'refereed' | 'closed'
export type RunTrigger = 'drawn' | 'disagreed' | 'asked' | 'reopened' | 'closed'

/** @returns the next stage, the same one when the trigger changes nothing */
export function runTransition(stage: RunStage, trigger: RunTrigger): RunStage {
  if (stage === 'closed') return stage
  switch (trigger) {
    case 'drawn':
      return stage === 'open' ? 'audited' : stage
    case 'disagreed':
      return stage === 'open' || stage === 'audited' ? 'disputed' : stage
    case 'asked':
      return stage === 'open' || stage === 'disputed' ? 'refereed' : stage
    case 'reopened':
      // What the referee executes is closed by its answer, whoever loses his copies meanwhile.
      return stage === 'refereed' ? stage : 'open'
    case 'closed':
      return 'closed'
    default:
      return trigger satisfies never
  }
}
