/**
 * Whose word a copy is. Copies count as different voices when neither their owners nor, where both are known, the networks
 * from which their agents speak are the same: accounts cost little, so those behind one address may well be one person.
 */

export interface Speaker {
  readonly owner: string
  /** Prefix of its public address; undefined where the address says nothing: loopback, private ranges. */
  readonly network: string | undefined
}

/** Neither an owner's id nor a prefix looks like the other. */
export function voicesOf({ owner, network }: Speaker): readonly string[] {
  return network === undefined ? [owner] : [owner, network]
}

/** Whether one who speaks with none of these voices already may be heard beside them. */
export function isApart(taken: readonly string[], { owner, network }: Speaker): boolean {
  return !taken.includes(owner) && (network === undefined || !taken.includes(network))
}

export function areApart(a: Speaker, b: Speaker): boolean {
  return a.owner !== b.owner && (a.network === undefined || a.network !== b.network)
}
