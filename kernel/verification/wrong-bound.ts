import { invariant } from '../errors.ts'
import { binomialCdf } from './binomial.ts'

/** Error probability of the stated bounds: they hold in 95 of 100 jobs. */
export const BOUND_ALPHA = 0.05

/**
 * The one-sided upper bound on the fraction of wrong shards after `bad` wrong ones among `audits` uniform draws: the p at
 * which P(X <= bad) falls to alpha. Without a wrong one it is 1 - alpha^(1 / audits), about 3 / audits. Rounded up.
 * Source: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
 * Biometrika 26 (1934).
 * @returns 1 when nothing was audited
 */
export function wrongFractionBound(bad: number, audits: number, alpha = BOUND_ALPHA): number {
  invariant(
    Number.isSafeInteger(audits) && Number.isSafeInteger(bad) && bad >= 0 && bad <= audits,
    'bad of audits',
  )
  if (bad === audits) return 1
  let low = bad / audits
  let high = 1
  while (high - low > high * 2 ** -40) {
    const middle = (low + high) / 2
    if (binomialCdf(bad, audits, middle) > alpha) low = middle
    else high = middle
  }
  return high
}
