import type { Verify } from './contract.ts'
import { invariant } from './errors.ts'
import { FULL_SAMPLE } from './verification/policy.ts'

/**
 * What a job costs, from its plan alone: the price is known before anything runs, and no machine's speed changes it.
 * Amounts are whole credits; docs/credits.md holds the formulas and a worked example.
 */

/** One credit is this many work units, about a millisecond of one CPU core. */
export const WORK_UNITS_PER_CREDIT = 1000

/** Credits of an answer from an earlier job's record: nothing is executed. */
export const REPLAY_CREDITS = 0

/** The largest amount and balance: a JSON number holds it exactly. */
export const CREDITS_MAX = Number.MAX_SAFE_INTEGER

/** What a copy of a shard was for: the first one computes, the others verify it; the referee is the hub itself. */
export type CostKind = 'computation' | 'verification' | 'referee'

export interface CostItem {
  readonly kind: CostKind
  /** Copies of shards. */
  readonly copies: number
  readonly credits: number
}

export interface JobPrice {
  /** Credits of one copy of one shard. */
  readonly shard_price: number
  /** The most that the job can cost, and what is held for it. */
  readonly credits: number
  /** Sum to `credits`. */
  readonly items: readonly CostItem[]
}

/** Credits of one copy of one shard: the plan's work spread evenly over its shards, rounded up, at least 1. */
export function shardPrice(plan: { readonly shard_count: number; readonly work_units: number }): number {
  invariant(Number.isSafeInteger(plan.work_units) && plan.work_units >= 0, 'work units are a whole number')
  invariant(Number.isSafeInteger(plan.shard_count) && plan.shard_count >= 1, 'a plan has a shard')
  const units = BigInt(plan.work_units)
  const divisor = BigInt(WORK_UNITS_PER_CREDIT) * BigInt(plan.shard_count)
  const price = (units + divisor - 1n) / divisor
  return price < 1n ? 1 : Number(price)
}

/**
 * The most copies of one shard that are charged. What the hub needs beyond them, because agents are not trusted yet or
 * disagree, is the network's own cost.
 */
export function chargedCopies(verify: Verify): number {
  switch (verify.mode) {
    case 'none':
    case 'algebraic':
      return 1
    case 'spotcheck':
    case 'adaptive':
      return 2
    case 'quorum':
      return verify.k
    case 'full':
      return 3
    default:
      return verify satisfies never
  }
}

/** The most copies of a job that are charged, by what they are for. */
function mostCopies(verify: Verify, shards: number): Record<CostKind, number> {
  const copies = { computation: shards, verification: 0, referee: 0 }
  switch (verify.mode) {
    case 'none':
    case 'algebraic':
      return copies
    case 'spotcheck':
      return { ...copies, referee: Math.ceil(verify.rate * shards) }
    case 'quorum':
      return { ...copies, verification: shards * (verify.k - 1) }
    case 'full':
      return { ...copies, verification: shards, referee: Math.ceil(FULL_SAMPLE * shards) }
    case 'adaptive':
      // A second copy of every shard, which only agents without a history need: what is not needed is released.
      return { ...copies, verification: shards }
    default:
      return verify satisfies never
  }
}

/** @throws ForgeError INTERNAL when the price does not fit a number (no plan within the limits is so large) */
export function jobPrice(
  plan: { readonly shard_count: number; readonly work_units: number },
  verify: Verify,
): JobPrice {
  const price = shardPrice(plan)
  const items = costItems(price, mostCopies(verify, plan.shard_count))
  return { shard_price: price, credits: totalCredits(items), items }
}

/** Copies by what they were for, priced; a kind without copies is left out. */
export function costItems(price: number, copies: Readonly<Record<CostKind, number>>): readonly CostItem[] {
  const kinds = ['computation', 'verification', 'referee'] as const
  return kinds
    .filter((kind) => copies[kind] > 0)
    .map((kind) => ({ kind, copies: copies[kind], credits: exact(BigInt(price) * BigInt(copies[kind])) }))
}

export function totalCredits(items: readonly CostItem[]): number {
  return exact(items.reduce((sum, { credits }) => sum + BigInt(credits), 0n))
}

function exact(credits: bigint): number {
  invariant(credits <= BigInt(CREDITS_MAX), 'an amount of credits fits a number')
  return Number(credits)
}
