import type { AcceptedCopy } from './acceptance.ts'
import type { CostKind } from './price.ts'

/**
 * From accepted copies to money: who did how much of a job, and how its charge is divided. Sums only, so the order in
 * which results arrive never shows in the totals.
 */

/** Name of the hub's own execution among agents and owners. */
export const REFEREE = 'referee'

/** One agent's chargeable copies of a job. */
export interface WorkDone {
  /** SHA-256 of the agent's key, or REFEREE. */
  readonly agent: string
  /** The agent's owner when the copies were accepted. */
  readonly owner: string
  /** Copies that were the first of their shard. */
  readonly computation: number
  /** Copies that confirmed another one. */
  readonly verification: number
}

/**
 * The chargeable copies of accepted runs of shards, summed by agent and owner: at most `copies_needed` of each shard,
 * and none of the submitter's own agents.
 */
export function workDone(
  runs: readonly {
    readonly count: number
    readonly copies: readonly Pick<AcceptedCopy, 'agent' | 'owner'>[]
  }[],
  submitter: string,
  copies_needed: number,
): readonly WorkDone[] {
  const sums = new Map<string, { agent: string; owner: string; computation: number; verification: number }>()
  for (const { count, copies } of runs) {
    const chargeable = copies.filter(({ owner }) => owner !== submitter).slice(0, copies_needed)
    for (const [at, { agent, owner }] of chargeable.entries()) {
      const key = `${agent} ${owner}`
      const sum = sums.get(key) ?? { agent, owner, computation: 0, verification: 0 }
      sums.set(key, sum)
      if (at === 0) sum.computation += count
      else sum.verification += count
    }
  }
  return [...sums.values()]
}

/** All copies of a job by what they were for. */
export function billedCopies(work: readonly WorkDone[]): Record<CostKind, number> {
  const copies = { computation: 0, verification: 0, referee: 0 }
  for (const { agent, computation, verification } of work) {
    if (agent === REFEREE) copies.referee += computation + verification
    else {
      copies.computation += computation
      copies.verification += verification
    }
  }
  return copies
}

/** Shares in permille of a copy's price; what they leave is the network's. */
export interface Split {
  readonly contributor_permille: number
  /** Only of copies by agents of a partner site. */
  readonly site_permille: number
}

/** Whom one agent's copies are paid to. */
export interface PayableWork {
  readonly agent: string
  readonly copies: number
  /** The contributor's account; undefined when the network itself did the work. */
  readonly payee: string | undefined
  /** The partner site that brought the agent. */
  readonly site: { readonly site_id: string; readonly payee: string } | undefined
}

export type Payout =
  | {
      readonly code: 'contribution'
      readonly payee: string
      readonly agent: string
      readonly credits: number
    }
  | { readonly code: 'site'; readonly payee: string; readonly site_id: string; readonly credits: number }
  /** Work of the house agent or the referee. */
  | { readonly code: 'network_work'; readonly agent: string; readonly credits: number }
  | { readonly code: 'fee'; readonly credits: number }

/**
 * Divides a job's charge. Shares are rounded down for each agent, the remainder goes to the fee: the payouts' sum is
 * exactly `price` times all copies.
 */
export function splitCharge(price: number, work: readonly PayableWork[], split: Split): readonly Payout[] {
  const payouts: Payout[] = []
  const sites = new Map<string, { payee: string; credits: bigint }>()
  let fee = 0n
  for (const { agent, copies, payee, site } of work) {
    const credits = BigInt(price) * BigInt(copies)
    if (payee === undefined) {
      if (credits > 0n) payouts.push({ code: 'network_work', agent, credits: Number(credits) })
      continue
    }
    const contribution = share(credits, split.contributor_permille)
    const forSite = site === undefined ? 0n : share(credits, split.site_permille)
    if (contribution > 0n) payouts.push({ code: 'contribution', payee, agent, credits: Number(contribution) })
    if (site !== undefined && forSite > 0n) {
      const sum = sites.get(site.site_id) ?? { payee: site.payee, credits: 0n }
      sum.credits += forSite
      sites.set(site.site_id, sum)
    }
    fee += credits - contribution - forSite
  }
  for (const [site_id, { payee, credits }] of sites)
    payouts.push({ code: 'site', payee, site_id, credits: Number(credits) })
  if (fee > 0n) payouts.push({ code: 'fee', credits: Number(fee) })
  return payouts
}

/**
 * What the network pays for copies beyond a job's stopping point: the shares of contributors and sites, as if they had been
 * charged. Where it has less than that, all are cut in the same proportion, rounded down; its own part it keeps.
 * @param payouts of `splitCharge`
 * @param available credits of the network once the job's charge is divided
 */
export function surplusPayouts(payouts: readonly Payout[], available: number): readonly Payout[] {
  const owed = payouts.filter(({ code }) => code === 'contribution' || code === 'site')
  const total = owed.reduce((sum, { credits }) => sum + BigInt(credits), 0n)
  const means = BigInt(Math.max(available, 0))
  if (total <= means) return owed
  return owed
    .map((payout) => ({ ...payout, credits: Number((BigInt(payout.credits) * means) / total) }))
    .filter(({ credits }) => credits > 0)
}

function share(credits: bigint, permille: number): bigint {
  return (credits * BigInt(permille)) / 1000n
}
