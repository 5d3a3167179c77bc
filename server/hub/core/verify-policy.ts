/** How the submitter wants shards verified: his contract's `verify`, as far as the network offers it. */
export type VerifyPolicy = { readonly mode: 'none' } | { readonly mode: 'quorum'; readonly k: number }

/** Copies that a run is given from the start, before any is back. */
export function plannedCopies(verify: VerifyPolicy): number {
  return verify.mode === 'quorum' ? verify.k : 1
}

/** Copies of a shard that the submitter pays for at most. */
export function copiesPaid(verify: VerifyPolicy): number {
  return verify.mode === 'quorum' ? verify.k : 1
}

/** Without verification there is nothing in which his own agents could favour a submitter. */
export function excludesSubmitter(verify: VerifyPolicy): boolean {
  return verify.mode !== 'none'
}
