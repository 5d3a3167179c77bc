import { z } from 'zod'
import type { DemoJob } from './api.ts'
import type { Person } from './people.ts'

/**
 * What the demo's contracts cost and whom they were paid to, read three ways that have to agree: the cost on each job,
 * the lines of each account's statement, and the balances before and after.
 */

const balanceSchema = z.object({ available: z.int(), held: z.int() })
const pageSchema = z.object({
  items: z.array(
    z.object({
      kind: z.string(),
      change: z.int(),
      charged: z.int().nullable(),
      job_id: z.string().nullable(),
    }),
  ),
  next_cursor: z.string().nullable(),
})

/** Credits. */
export interface MoneyReport {
  readonly ok: boolean
  readonly paid: number
  readonly earned: Readonly<Record<string, number>>
  /** What of the payment no contributor got. */
  readonly network: number
}

/** Everything that the account has, held or not. */
export async function wealth({ client }: Person): Promise<number> {
  const { available, held } = await client.query('credits.balance', undefined, balanceSchema)
  return available + held
}

/** @param before each person's wealth when nothing had been submitted */
export async function settleUp(
  submitter: Person,
  contributors: readonly Person[],
  jobs: readonly DemoJob[],
  before: ReadonlyMap<Person, number>,
): Promise<MoneyReport> {
  const ids = new Set(jobs.map(({ id }) => id))
  const costs = jobs.flatMap(({ cost }) => (cost === null ? [] : [cost]))
  const paid = sum(costs.map(({ charged }) => charged ?? 0))
  const bills = costs.every(
    ({ held, charged, released, items }) =>
      charged !== null &&
      charged + (released ?? 0) === held &&
      sum(items.map(({ credits }) => credits)) === charged,
  )
  const spentBy = async (person: Person) => (before.get(person) ?? 0) - (await wealth(person))
  const charged = sum((await linesOf(submitter, ids)).map((line) => line.charged ?? 0))
  const earned: Record<string, number> = {}
  let agree = bills && costs.length === jobs.length && charged === paid && (await spentBy(submitter)) === paid
  for (const person of contributors) {
    const contributions = (await linesOf(person, ids)).filter(({ kind }) => kind === 'contribution')
    const credits = sum(contributions.map(({ change }) => change))
    earned[person.name] = credits
    agree &&= (await spentBy(person)) === -credits
  }
  const network = paid - sum(Object.values(earned))
  return { ok: agree && network >= 0, paid, earned, network }
}

/** Lines of the statement that concern these jobs. Newest come first, and nothing older than the jobs is looked at. */
async function linesOf({ client }: Person, jobs: ReadonlySet<string>) {
  const found: z.infer<typeof pageSchema>['items'] = []
  let cursor: string | null = null
  do {
    const input: { cursor?: string } = cursor === null ? {} : { cursor }
    const page: z.infer<typeof pageSchema> = await client.query('credits.statement', input, pageSchema)
    const concerned = page.items.filter(({ job_id }) => job_id !== null && jobs.has(job_id))
    found.push(...concerned)
    cursor = concerned.length === 0 ? null : page.next_cursor
  } while (cursor !== null)
  return found
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
