import type { StatementLine } from '../../../kernel/api/credits.ts'
import type { Transaction } from '../transaction.ts'

/** Which partner site brought an agent: asked inside the transaction that pays. */
export interface PartnerSites {
  /** @returns sites by agent; an agent of no site is left out */
  ofAgents(
    tx: Transaction,
    agents: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly site_id: string; readonly owner_id: string }>>
}

export interface OpenHoldRow {
  readonly job_id: string
  readonly credits: number
  readonly created_at: Date
  readonly expires_at: Date
}

/** A transfer as its account's owner sees it. */
export interface StatementRow {
  /** Place in the ledger. */
  readonly seq: number
  readonly id: string
  readonly time: Date
  readonly kind: StatementLine['kind']
  /** Change of what is available, signed. */
  readonly change: number
  /** Of a charge: its amount. */
  readonly charged: number | null
  readonly job_id: string | null
  readonly agent: string | null
  readonly site_id: string | null
}

/** Accounts of the ledger, by their owners. Holds and charges of jobs are the job store's. */
export interface CreditStore {
  /** Opens the owner's account with a grant; once for each `reason`. @returns false when it was given before */
  grant(ownerId: string, credits: number, reason: string): Promise<boolean>
  /** An owner without an account has nothing. */
  balance(ownerId: string): Promise<{ readonly available: number; readonly held: number }>
  /** Newest first. */
  holds(ownerId: string, limit: number): Promise<readonly OpenHoldRow[]>
  /** Newest first, from before the row `before`, with what was available after the first of them. */
  statementBefore(
    ownerId: string,
    query: { readonly limit: number; readonly before?: number },
  ): Promise<{ readonly rows: readonly StatementRow[]; readonly available: number }>
  /** Oldest first, from after the row `after`. */
  statementAfter(
    ownerId: string,
    query: { readonly limit: number; readonly after: number },
  ): Promise<readonly StatementRow[]>
  statementLines(ownerId: string): Promise<number>
  /**
   * Makes an account the owner of an agent's key and moves what the agent has earned. Repeating it is harmless.
   * @returns the credits moved
   * @throws ForgeError NOT_FOUND when there is no such agent, or another account has it
   */
  claimAgent(agent: string, ownerId: string): Promise<number>
  /** What each of these agents earned for the owner, what came by claims included; agents without earnings are left out. */
  earnedBy(ownerId: string, agents: readonly string[]): Promise<ReadonlyMap<string, number>>
  /** Moves a guest's jobs, holds and credits to an account. Repeating it is harmless. */
  moveOwner(fromId: string, toId: string): Promise<{ readonly credits: number; readonly jobs: number }>
  /** Jobs whose hold is past its time, oldest first. */
  overdueJobs(limit: number): Promise<readonly string[]>
}
