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
