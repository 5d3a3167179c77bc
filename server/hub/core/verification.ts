import type { AcceptMethod } from '../../../kernel/acceptance.ts'
import { type Standing, verificationStep } from '../../../kernel/verification/policy.ts'
import type { Draw } from './draws.ts'
import type { Copy } from './state.ts'
import type { VerifyPolicy } from './verify-policy.ts'

/**
 * What a run needs next.
 * - `accept`: it is closed, by this method.
 * - `copies`: so many copies in all, of distinct owners.
 * - `audit`: the referee executes these shards, counted from the run's first, before it closes. `uniform`: each had the
 *   same chance to be drawn as every other shard of the job that would rest on as few words.
 * - `check`: the referee checks each by the op's algebraic check.
 */
export type Need =
  | { readonly t: 'accept'; readonly method: AcceptMethod }
  | { readonly t: 'copies'; readonly count: number }
  | { readonly t: 'audit'; readonly sample: readonly number[]; readonly uniform: boolean }
  | { readonly t: 'check' }

/** A run all of whose copies so far are back and agree. */
export interface AgreedRun {
  readonly first: number
  readonly count: number
  /** Copies that are back; at least as many as were wanted so far. */
  readonly copies: readonly Copy[]
}

/**
 * The policy's next step for a run (kernel/verification/policy.ts), with its audits drawn. Arrival order never matters:
 * agreeing copies are equal byte for byte, and the referee closes what disagrees.
 * @param standing what is known of the agent of a copy
 * @param isRefereeBusy so much waits for the referee that a second owner answers sooner: what one agent gave alone is
 * then replicated instead of audited
 */
export function verificationNeed(
  verify: VerifyPolicy,
  run: AgreedRun,
  standing: (copy: Copy) => Standing,
  draw: Draw,
  isRefereeBusy: boolean,
): Need {
  const step = verificationStep(verify, run.copies.map(standing))
  if (step.t === 'replicate') return { t: 'copies', count: run.copies.length + 1 }
  if (step.t === 'check') return { t: 'check' }
  const sample = drawn(run.count, step.audit, draw)
  if (sample.length === 0) return { t: 'accept', method: run.copies.length > 1 ? 'quorum' : 'single' }
  if (isRefereeBusy && run.copies.length === 1) return { t: 'copies', count: 2 }
  const uniform = step.audit < 1 || verify.mode === 'spotcheck'
  return { t: 'audit', sample, uniform }
}

function drawn(count: number, probability: number, draw: Draw): readonly number[] {
  const all = Array.from({ length: count }, (_, offset) => offset)
  if (probability === 0) return []
  return probability >= 1 ? all : all.filter(() => draw() < probability)
}
