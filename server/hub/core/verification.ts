import type { AcceptMethod } from '../../../kernel/acceptance.ts'
import type { Draw } from './draws.ts'
import type { Copy } from './state.ts'
import type { VerifyPolicy } from './verify-policy.ts'

/**
 * What a run needs next.
 * - `accept`: it is closed, by this method.
 * - `copies`: so many copies in all, of distinct owners.
 * - `audit`: the referee executes these shards, counted from the run's first, before it closes.
 */
export type Need =
  | { readonly t: 'accept'; readonly method: AcceptMethod }
  | { readonly t: 'copies'; readonly count: number }
  | { readonly t: 'audit'; readonly sample: readonly number[] }

/** A run all of whose copies so far are back and agree. */
export interface AgreedRun {
  readonly first: number
  readonly count: number
  /** Copies that are back; at least as many as were wanted so far. */
  readonly copies: readonly Copy[]
}

/**
 * Under `none` one copy closes a run; under `quorum` k copies of distinct owners do. Arrival order never matters: agreeing
 * copies are equal byte for byte, and the referee closes what disagrees.
 */
export function verificationNeed(verify: VerifyPolicy, run: AgreedRun, _draw: Draw): Need {
  switch (verify.mode) {
    case 'none':
      return { t: 'accept', method: 'single' }
    case 'quorum':
      return run.copies.length >= verify.k
        ? { t: 'accept', method: 'quorum' }
        : { t: 'copies', count: verify.k }
    default:
      return verify satisfies never
  }
}
