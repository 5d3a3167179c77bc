import {
  affordableWork,
  billedCopies,
  type PayableWork,
  type Payout,
  REFEREE,
  type Split,
  splitCharge,
  surplusPayouts,
  type WorkDone,
} from '../../kernel/bill.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import { costItems, totalCredits } from '../../kernel/price.ts'
import {
  addTransfers,
  agentAccount,
  availableOf,
  ESCROW,
  lockAccounts,
  NETWORK,
  type NewTransfer,
  openAccounts,
  ownerAccount,
  transferId,
} from './ledger.ts'
import type { PartnerSites } from './ports/credits.ts'
import type { NewJob } from './ports/jobs.ts'
import { safeNumber } from './rows.ts'
import type { Transaction } from './transaction.ts'

/**
 * A job's money, inside the transactions that store the job and its end. A hold becomes a charge for the copies that are
 * durable at that moment, and is released as to the rest; the charge is paid out at once.
 */

/** How a charge is divided, and among whom. */
export interface BillingTerms {
  readonly split: Split
  readonly sites: PartnerSites
}

export const NO_PARTNER_SITES: PartnerSites = { ofAgents: async () => new Map() }

/** A hub ends a job at its time limit; only a job that no hub has is left for the sweep, which comes so much later. */
const HOLD_GRACE_MS = 10 * 60_000

/**
 * Holds a new job's price.
 * @throws ForgeError CREDITS_INSUFFICIENT with how much is missing
 */
export async function holdPrice(tx: Transaction, job: NewJob): Promise<void> {
  const debit = ownerAccount(job.owner_id)
  await openAccounts(tx, [debit])
  const counters = (await lockAccounts(tx, [debit, ESCROW])).get(debit)
  invariant(counters !== undefined, 'an account that was opened is there')
  const available = availableOf(counters)
  if (available < job.hold) throw insufficient(job.hold, available)
  await addTransfers(tx, [holdTransfer(job.id, job.owner_id, job.hold, job.contract.policy.timeout_ms)])
}

export function holdTransfer(
  jobId: string,
  ownerId: string,
  amount: number,
  job_timeout_ms: number,
): NewTransfer {
  return {
    id: transferId('hold', jobId, ownerId),
    flag: 'pending',
    code: 'hold',
    debit: ownerAccount(ownerId),
    credit: ESCROW,
    amount,
    timeout_ms: job_timeout_ms + HOLD_GRACE_MS,
    job_id: jobId,
  }
}

function insufficient(price: number, available: number): ForgeError {
  const missing = price - available
  return new ForgeError(
    'CREDITS_INSUFFICIENT',
    `the job needs ${price} credits, ${available} are available: ${missing} more are needed`,
    {
      hint: 'Ask for less work or fewer copies, wait for a running job to release what it does not use, or contribute a device and earn.',
    },
  )
}

interface OpenHold {
  readonly id: string
  readonly debit: string
  readonly amount: number
  readonly shard_price: number
}

/**
 * Resolves the job's hold and stores its bill. To be called in the transaction that has just moved the job into a final
 * state, under the shared claims lock. A job without a hold costs nothing.
 * @param coveredShards of a job with a target: what lies beyond is not charged; the network pays those who did it
 */
export async function resolveHold(
  tx: Transaction,
  jobId: string,
  terms: BillingTerms,
  coveredShards: number | null,
): Promise<void> {
  const hold = await openHold(tx, jobId)
  if (hold === undefined) return
  const all = await durableWork(tx, jobId, coveredShards)
  const rows = affordableWork(
    all.filter(({ is_surplus }) => !is_surplus),
    Math.floor(hold.amount / hold.shard_price),
  )
  const surplus = all.filter(({ is_surplus }) => is_surplus)
  const copies = billedCopies(rows)
  const charge = totalCredits(costItems(hold.shard_price, copies))
  invariant(charge <= hold.amount, `job ${jobId} would cost ${charge}, ${hold.amount} are held`)
  const sites = await terms.sites.ofAgents(
    tx,
    all.map(({ agent }) => agent).filter((agent) => agent !== REFEREE),
  )
  const shares = splitCharge(hold.shard_price, payable(rows, sites), terms.split)
  const payouts = payoutTransfers(jobId, ESCROW, shares)
  const surplusShares = splitCharge(hold.shard_price, payable(surplus, sites), terms.split)
  const creditsOf = (payout: Payout) => ('payee' in payout ? payout.payee : NETWORK)
  const accounts = [hold.debit, ESCROW, NETWORK, ...[...shares, ...surplusShares].map(creditsOf)]
  await openAccounts(tx, accounts)
  const network = (await lockAccounts(tx, accounts)).get(NETWORK)
  invariant(network !== undefined, 'the network has an account')
  const fee = payouts.reduce((sum, { credit, amount }) => (credit === NETWORK ? sum + amount : sum), 0)
  const gifts = payoutTransfers(jobId, NETWORK, surplusPayouts(surplusShares, availableOf(network) + fee))
  const resolution: NewTransfer = {
    id: transferId('resolve', hold.id),
    flag: charge > 0 ? 'post_pending' : 'void_pending',
    code: charge > 0 ? 'charge' : 'release',
    debit: hold.debit,
    credit: ESCROW,
    amount: charge > 0 ? charge : hold.amount,
    pending_id: hold.id,
    job_id: jobId,
  }
  await addTransfers(tx, [resolution, ...payouts, ...gifts])
  await tx.query('UPDATE jobs SET bill = $2::jsonb WHERE id = $1', [jobId, JSON.stringify(copies)])
}

async function openHold(tx: Transaction, jobId: string): Promise<OpenHold | undefined> {
  const { rows } = await tx.query<{ id: string; debit: string; amount: string; shard_price: string }>(
    `SELECT h.id, h.debit_account AS debit, h.amount, j.shard_price
     FROM credit_transfers h JOIN jobs j ON j.id = h.job_id
     WHERE h.job_id = $1 AND h.flag = 'pending'
       AND NOT EXISTS (SELECT FROM credit_transfers r WHERE r.pending_id = h.id)`,
    [jobId],
  )
  invariant(rows.length <= 1, `job ${jobId} has ${rows.length} open holds`)
  const [row] = rows
  return (
    row && {
      id: row.id,
      debit: row.debit,
      amount: safeNumber(row.amount),
      shard_price: safeNumber(row.shard_price),
    }
  )
}

interface WorkRow extends WorkDone {
  /** Nobody is charged for it: shards beyond those that the result covers, and canaries. */
  readonly is_surplus: boolean
  /** Kind of the owner at acceptance; null for the referee. */
  readonly owner_kind: string | null
  /** Owner of the agent's key now, and its kind. */
  readonly present_owner: string | null
  readonly present_kind: string | null
}

/**
 * The copies of a job that are durable, and its canaries that were right, by agent and owner. A group of results lies on one side of every look of its job,
 * so its first shard says on which side of the stopping point.
 */
async function durableWork(
  tx: Transaction,
  jobId: string,
  coveredShards: number | null,
): Promise<readonly WorkRow[]> {
  const { rows } = await tx.query<
    Omit<WorkRow, 'computation' | 'verification'> & { computation: string; verification: string }
  >(
    `SELECT w.agent, w.owner, w.is_surplus, w.computation, w.verification, o.kind AS owner_kind,
       present.id AS present_owner, present.kind AS present_kind
     FROM (
       SELECT line.agent, line.owner, coalesce(g.first_shard >= $2, false) AS is_surplus,
         sum(line.computation) AS computation, sum(line.verification) AS verification
       FROM result_groups g
       CROSS JOIN LATERAL jsonb_to_recordset(g.work)
         AS line (agent text, owner text, computation bigint, verification bigint)
       WHERE g.job_id = $1 GROUP BY line.agent, line.owner, is_surplus
       UNION ALL
       SELECT agent::text, owner, true, sum(shards), 0 FROM canary_answers
       WHERE job_id = $1 AND is_right GROUP BY agent, owner
     ) AS w
     LEFT JOIN owners o ON o.id = CASE WHEN w.owner ~ '^[0-9a-f-]{36}$' THEN w.owner::uuid END
     LEFT JOIN agents a ON a.id = w.agent::bpchar
     LEFT JOIN owners present ON present.id = a.owner_id
     ORDER BY w.agent, w.owner, w.is_surplus`,
    [jobId, coveredShards],
  )
  return rows.map((row) => ({
    ...row,
    computation: safeNumber(row.computation),
    verification: safeNumber(row.verification),
  }))
}

/** An account's owner earns; the network's anonymous agents earn for themselves until they are claimed. */
function payeeOf(row: WorkRow): string | undefined {
  if (row.agent === REFEREE) return undefined
  if (isPerson(row.owner_kind)) return ownerAccount(row.owner)
  if (row.owner_kind !== 'network') return undefined
  return row.present_owner !== null && isPerson(row.present_kind)
    ? ownerAccount(row.present_owner)
    : agentAccount(row.agent)
}

function isPerson(kind: string | null): boolean {
  return kind === 'account' || kind === 'guest'
}

function payable(
  rows: readonly WorkRow[],
  sites: Awaited<ReturnType<PartnerSites['ofAgents']>>,
): readonly PayableWork[] {
  const sums = new Map<string, PayableWork>()
  for (const row of rows) {
    const payee = payeeOf(row)
    const site = sites.get(row.agent)
    const key = `${row.agent} ${payee}`
    sums.set(key, {
      agent: row.agent,
      payee,
      site: site && { site_id: site.site_id, payee: ownerAccount(site.owner_id) },
      copies: (sums.get(key)?.copies ?? 0) + row.computation + row.verification,
    })
  }
  return [...sums.values()]
}

/** @param debit escrow for what was charged, the network for surplus */
function payoutTransfers(
  jobId: string,
  debit: typeof ESCROW | typeof NETWORK,
  payouts: readonly Payout[],
): readonly NewTransfer[] {
  // The charge's own payouts keep the ids that they always had.
  const source = debit === ESCROW ? [] : ['surplus']
  return payouts.map((payout) => {
    const credit = 'payee' in payout ? payout.payee : NETWORK
    const agent = 'agent' in payout ? payout.agent : undefined
    const site_id = 'site_id' in payout ? payout.site_id : undefined
    return {
      id: transferId(payout.code, jobId, credit, agent ?? '', site_id ?? '', ...source),
      flag: 'posted',
      code: payout.code,
      debit,
      credit,
      amount: payout.credits,
      job_id: jobId,
      ...(agent === undefined || agent === REFEREE ? {} : { agent }),
      ...(site_id === undefined ? {} : { site_id }),
    }
  })
}
