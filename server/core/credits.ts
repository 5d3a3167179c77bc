import type { BalanceView, StatementLine, StatementPage } from '../../kernel/api/credits.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { CreditStore, StatementRow } from '../memory/ports/credits.ts'
import type { JobStore } from '../memory/ports/jobs.ts'
import type { Actor } from './actor.ts'
import { authoriseOwner } from './authorise.ts'
import { csvRecord } from './csv.ts'
import { UNFINISHED_STATES } from './job-view.ts'
import { CORE_LIMITS } from './limits.ts'

/** People's credits. Holds and charges happen with the jobs they belong to (server/memory/job-billing.ts). */
export interface CreditService {
  /** Gives somebody who has an account its test grant, once. To be called before the account is used or shown. */
  ready(actor: Actor): Promise<void>
  balance(actor: Actor): Promise<BalanceView>
  /** Newest first. @throws ForgeError MESSAGE_INVALID for a cursor that is not one of ours */
  statement(
    actor: Actor,
    query: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<StatementPage>
  /** The whole statement as CSV, oldest first, in pieces. @throws ForgeError TOO_LARGE */
  statementCsv(actor: Actor): Promise<AsyncIterable<string>>
  /** Test credits for one purpose, once for each `reason`: a guest's example. @returns false when given before */
  grant(ownerId: string, credits: number, reason: string): Promise<boolean>
  /**
   * Makes an account the owner of an agent that has proved itself, and moves what it has earned.
   * @throws ForgeError NOT_FOUND when there is no such agent, or another account has it
   */
  claimAgent(agent: string, ownerId: string): Promise<{ readonly credits: number }>
  /** A guest signs up or in: his jobs, their holds and his credits become the account's. */
  moveOwner(guestId: string, accountId: string): Promise<{ readonly credits: number; readonly jobs: number }>
  /** Ends jobs that no hub has and whose hold is past its time. @returns how many */
  expireOverdue(): Promise<number>
}

export interface CreditServicePorts {
  readonly store: CreditStore
  readonly jobs: Pick<JobStore, 'transition'>
  /** Whether the hub has the job: it ends it itself. */
  readonly isRunning: (jobId: string) => boolean
  /** Credits for a new account; 0 for none. */
  readonly testGrant: number
}

const CSV_HEADER = [
  'time',
  'kind',
  'change',
  'charged',
  'available',
  'job_id',
  'agent',
  'site_id',
  'transfer_id',
] as const

export function createCreditService({
  store,
  jobs,
  isRunning,
  testGrant,
}: CreditServicePorts): CreditService {
  const ready = async (actor: Actor): Promise<void> => {
    const hasAccount = actor.kind === 'user' || actor.kind === 'key'
    if (hasAccount && testGrant > 0) await store.grant(actor.ownerId, testGrant, 'welcome')
  }

  return {
    ready,

    async balance(actor) {
      const { ownerId } = authoriseOwner(actor, 'credits.read')
      await ready(actor)
      const [balance, holds] = await Promise.all([
        store.balance(ownerId),
        store.holds(ownerId, CORE_LIMITS.holds_shown),
      ])
      return {
        ...balance,
        holds: holds.map(({ job_id, credits, created_at, expires_at }) => ({
          job_id,
          credits,
          created_at: created_at.toISOString(),
          expires_at: expires_at.toISOString(),
        })),
      }
    },

    async statement(actor, { limit, cursor }) {
      const { ownerId } = authoriseOwner(actor, 'credits.read')
      await ready(actor)
      const size = Math.min(limit, CORE_LIMITS.statement_page)
      const before = cursor === undefined ? undefined : decodeCursor(cursor)
      // One row more than asked tells whether another page exists.
      const found = await store.statementBefore(ownerId, {
        limit: size + 1,
        ...(before === undefined ? {} : { before }),
      })
      let available = found.available
      const page = found.rows.slice(0, size)
      const items = page.map((row) => {
        const line = statementLine(row, available)
        available -= row.change
        return line
      })
      const last = page.at(-1)
      return {
        items,
        next_cursor: found.rows.length > size && last !== undefined ? encodeCursor(last.seq) : null,
      }
    },

    async statementCsv(actor) {
      const { ownerId } = authoriseOwner(actor, 'credits.read')
      await ready(actor)
      const lines = await store.statementLines(ownerId)
      if (lines > CORE_LIMITS.statement_csv_lines) {
        throw new ForgeError('TOO_LARGE', `the statement has ${lines} lines`, {
          hint: 'Read it page by page: credits.statement.',
        })
      }
      return csvPieces(store, ownerId)
    },

    grant: (ownerId, credits, reason) => store.grant(ownerId, credits, reason),
    claimAgent: async (agent, ownerId) => ({ credits: await store.claimAgent(agent, ownerId) }),
    moveOwner: (guestId, accountId) => store.moveOwner(guestId, accountId),

    async expireOverdue() {
      let ended = 0
      for (const jobId of await store.overdueJobs(CORE_LIMITS.overdue_holds)) {
        if (isRunning(jobId)) continue
        if (await jobs.transition(jobId, UNFINISHED_STATES, 'expired')) ended++
      }
      return ended
    },
  }
}

async function* csvPieces(store: CreditStore, ownerId: string): AsyncGenerator<string> {
  yield csvRecord(CSV_HEADER)
  let available = 0
  for (let after = 0, more = true; more; ) {
    const rows = await store.statementAfter(ownerId, { after, limit: CORE_LIMITS.statement_csv_page })
    let piece = ''
    for (const row of rows) {
      available += row.change
      const line = statementLine(row, available)
      piece += csvRecord([
        line.time,
        line.kind,
        line.change,
        line.charged,
        line.available,
        line.job_id,
        line.agent,
        line.site_id,
        line.id,
      ])
    }
    if (piece !== '') yield piece
    after = rows.at(-1)?.seq ?? after
    more = rows.length === CORE_LIMITS.statement_csv_page
  }
}

function statementLine({ seq: _, time, ...row }: StatementRow, available: number): StatementLine {
  return { ...row, time: time.toISOString(), available }
}

/** Opaque to clients: base64url of the last row's place in the ledger. */
function encodeCursor(seq: number): string {
  return Buffer.from(String(seq)).toString('base64url')
}

/** @throws ForgeError MESSAGE_INVALID */
function decodeCursor(cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  const seq = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(seq)) {
    throw new ForgeError('MESSAGE_INVALID', 'the cursor is not one of ours', {
      path: 'cursor',
      hint: 'Give next_cursor of the page before, unchanged.',
    })
  }
  return seq
}
