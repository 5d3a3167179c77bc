import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { transferId } from './ledger.ts'
import { auditLedger } from './ledger-audit.ts'
import type { NewJob } from './ports/jobs.ts'
import { createLedgerWorld, type LedgerWorld } from './testing/ledger-world.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'

let database: TestDatabase
let world: LedgerWorld
beforeAll(async () => {
  database = await createTestDatabase()
  world = await createLedgerWorld(database)
})
afterAll(() => database.close())

/** What somebody with a connection might try. `$1`: an owner's id with 100 credits, `$2`: of his running job that holds 40. */
const ATTEMPTS: readonly (readonly [what: string, constraint: string, sql: string])[] = [
  ['raise a balance', 'credit_accounts_follow', `UPDATE credit_accounts SET credits_posted = 1000000`],
  [
    'lower a debt',
    'credit_accounts_follow',
    `UPDATE credit_accounts SET debits_pending = 0 WHERE debits_pending > 0`,
  ],
  [
    'open a rich account',
    'credit_accounts_follow',
    `INSERT INTO credit_accounts (id, kind, agent, credits_posted) VALUES ('agent:' || repeat('ab', 32), 'agent', repeat('ab', 32), 5)`,
  ],
  [
    'open a second grants account',
    'credit_accounts_id_check',
    `INSERT INTO credit_accounts (id, kind) VALUES ('more', 'grants')`,
  ],
  [
    'open an account in another name',
    'credit_accounts_id_check',
    `INSERT INTO credit_accounts (id, kind, owner_id) SELECT 'owner:me', 'owner', id FROM owners LIMIT 1`,
  ],
  ['remove an account', 'credit_accounts_append_only', `DELETE FROM credit_accounts`],
  ['empty the accounts', 'credit_accounts_append_only', `TRUNCATE credit_accounts CASCADE`],
  ['change a transfer', 'credit_transfers_append_only', `UPDATE credit_transfers SET amount = amount + 1`],
  ['remove a transfer', 'credit_transfers_append_only', `DELETE FROM credit_transfers`],
  ['empty the transfers', 'credit_transfers_append_only', `TRUNCATE credit_transfers`],
  ['grant nothing', 'credit_transfers_amount_check', transfer(`'posted', 'grant', 'grants', $1, 0`)],
  [
    'grant less than nothing',
    'credit_transfers_amount_check',
    transfer(`'posted', 'grant', 'grants', $1, -5`),
  ],
  ['take as a grant', 'credit_transfers_code_check', transfer(`'posted', 'grant', $1, 'network', 5`)],
  ['pay himself', 'credit_transfers_accounts_check', transfer(`'posted', 'move', $1, $1, 5`)],
  ['move what he does not have', 'credit_accounts_balance_check', transfer(`'posted', 'move', $1, $3, 101`)],
  ['move what is held', 'credit_accounts_balance_check', transfer(`'posted', 'move', $1, $3, 61`)],
  [
    'hold more than he has',
    'credit_accounts_balance_check',
    transfer(`'pending', 'hold', $1, 'escrow', 61, job => $2, expires => now()`),
  ],
  [
    'hold twice for one job',
    'credit_job_holds',
    transfer(`'pending', 'hold', $1, 'escrow', 40, job => $2, expires => now()`),
  ],
  [
    'hold for no job',
    'credit_transfers_code_check',
    transfer(`'pending', 'hold', $1, 'escrow', 5, expires => now()`),
  ],
  [
    'hold without an end',
    'credit_transfers_pending_check',
    transfer(`'pending', 'hold', $1, 'escrow', 5, job => $2`),
  ],
  [
    'pay out of escrow',
    'credit_accounts_balance_check',
    transfer(`'posted', 'fee', 'escrow', 'network', 5, job => $2`),
  ],
  [
    'release part of a hold',
    'credit_transfers_resolution_check',
    transfer(`'void_pending', 'release', $1, 'escrow', 39, job => $2, pending => $4`),
  ],
  [
    'charge more than was held',
    'credit_transfers_resolution_check',
    transfer(`'post_pending', 'charge', $1, 'escrow', 41, job => $2, pending => $4`),
  ],
  [
    'release another job’s hold',
    'credit_transfers_resolution_check',
    transfer(`'void_pending', 'release', $1, 'escrow', 40, job => gen_random_uuid(), pending => $4`),
  ],
  [
    'release a hold to somebody else',
    'credit_transfers_resolution_check',
    transfer(`'void_pending', 'release', $3, 'escrow', 40, job => $2, pending => $4`),
  ],
  [
    'resolve what is not pending',
    'credit_transfers_resolution_check',
    transfer(`'void_pending', 'release', $1, 'escrow', 40, job => $2, pending => gen_random_uuid()`),
  ],
  [
    'release while the job runs',
    'credit_job_holds',
    transfer(`'void_pending', 'release', $1, 'escrow', 40, job => $2, pending => $4`),
  ],
  [
    'charge and pay nobody',
    'credit_escrow_empty',
    `UPDATE jobs SET state = 'cancelled', finished_at = now() WHERE id = $2; ${transfer(`'post_pending', 'charge', $1, 'escrow', 40, job => $2, pending => $4`)}`,
  ],
  [
    'end a job and keep its hold',
    'credit_job_holds',
    `UPDATE jobs SET state = 'cancelled', finished_at = now() WHERE id = $2`,
  ],
  ['delete a job that holds', 'credit_job_holds', `DELETE FROM jobs WHERE id = $2`],
  ['change what a job holds', 'credit_job_holds', `UPDATE jobs SET hold = hold + 1 WHERE id = $2`],
  [
    'delete the owner of an account',
    'credit_accounts_owner_id_fkey',
    `DELETE FROM owners WHERE 'owner:' || id = $3`,
  ],
]

/** An INSERT from positional and named values. */
function transfer(values: string): string {
  const parts = values.split(/, (?![^(]*\))/)
  const named = new Map(
    parts.flatMap((part) => (part.includes('=>') ? [part.split(' => ') as [string, string]] : [])),
  )
  const [flag, code, debit, credit, amount] = parts
  const of = (name: string) => named.get(name) ?? 'NULL'
  return `INSERT INTO credit_transfers (id, flag, code, debit_account, credit_account, amount, job_id, pending_id, expires_at)
    VALUES (gen_random_uuid(), ${flag}, ${code}, ${debit}, ${credit}, ${amount}, ${of('job')}, ${of('pending')}, ${of('expires')})`
}

describe('the ledger in PostgreSQL', () => {
  let owner: string
  let other: string
  let job: NewJob
  beforeEach(async () => {
    owner = await world.person('account', 100)
    other = await world.person('account', 1)
    job = await world.submit(owner, { shards: 10, copies: 2, price: 2 })
  })

  it.each(ATTEMPTS)('does not let anybody %s (%s)', async (_what, constraint, sql) => {
    const values: Readonly<Record<string, string>> = {
      $1: `'owner:${owner}'`,
      $2: `'${job.id}'`,
      $3: `'owner:${other}'`,
      $4: `'${transferId('hold', job.id, owner)}'`,
    }
    const filled = sql.replace(/\$\d/g, (name) => values[name] ?? name)
    // A multi-statement query is one transaction: what is checked at its end is checked here.
    await expect(database.pool.query(filled)).rejects.toMatchObject({ constraint })
    expect(await auditLedger(database.pool)).toEqual([])
    expect(await world.available(owner)).toBe(60)
  })

  it('resolves a pending transfer once, whatever the second resolution calls itself', async () => {
    await world.jobs.transition(job.id, ['submitted'], 'cancelled')
    const again = transfer(
      `'void_pending', 'release', '${`owner:${owner}`}', 'escrow', 40, job => '${job.id}', pending => '${transferId('hold', job.id, owner)}'`,
    )
    await expect(database.pool.query(again)).rejects.toMatchObject({
      constraint: 'credit_transfers_pending_id_key',
    })
    expect(await world.available(owner)).toBe(100)
  })

  it('gives a grant once for each reason', async () => {
    const person = await world.person('account', 0)
    const given = await Promise.all(
      Array.from({ length: 8 }, () => world.credits.grant(person, 500, 'welcome')),
    )
    expect(given.filter(Boolean)).toHaveLength(1)
    expect(await world.credits.grant(person, 7, 'example')).toBe(true)
    expect(await world.available(person)).toBe(507)
  })

  it('is found out by the audit when its rules were switched off', async () => {
    const client = await database.pool.connect()
    try {
      await client.query(`SET session_replication_role = replica`)
      await client.query('BEGIN')
      await client.query(`UPDATE credit_accounts SET credits_posted = credits_posted + 1 WHERE id = $1`, [
        `owner:${owner}`,
      ])
      await client.query(`UPDATE jobs SET state = 'cancelled', finished_at = now() WHERE id = $1`, [job.id])
      await client.query('COMMIT')
      const found = await auditLedger(database.pool)
      expect(found.map(({ check }) => check)).toEqual(['sums', 'counters', 'ended_holds'])
      expect(found[1]?.examples).toEqual([`owner:${owner}`])
      expect(found[2]).toMatchObject({ count: 1, examples: [job.id] })
      await client.query(`UPDATE credit_accounts SET credits_posted = credits_posted - 1 WHERE id = $1`, [
        `owner:${owner}`,
      ])
      await client.query(`UPDATE jobs SET state = 'submitted', finished_at = NULL WHERE id = $1`, [job.id])
    } finally {
      await client.query(`SET session_replication_role = origin`)
      client.release()
    }
    expect(await auditLedger(database.pool)).toEqual([])
  })

  it('makes the same id from the same purpose, and another from every other', () => {
    const job_id = randomUUID()
    expect(transferId('hold', job_id)).toBe(transferId('hold', job_id))
    expect(transferId('hold', job_id)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    )
    const ids = [transferId('a', 'b'), transferId('ab'), transferId('a,b'), transferId('a', 'b', '')]
    expect(new Set(ids).size).toBe(4)
  })
})
