import type { Random } from './clock.ts'
import { AGENT_LIMITS } from './limits.ts'

/**
 * Exponential backoff with full jitter: uniform between 0 and the doubled bound, so that the agents of a hub that
 * restarts do not return in step. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
 * @param attempt 0 for the first failure
 * @returns milliseconds
 */
export function backoffMs(attempt: number, random: Random): number {
  const bound = Math.min(
    AGENT_LIMITS.backoff_max_ms,
    AGENT_LIMITS.backoff_first_ms * 2 ** Math.min(attempt, 20),
  )
  return random() * bound
}
