import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { REFEREE, splitCharge } from '../kernel/bill.ts'
import { OPS } from '../kernel/ops/registry.ts'
import { costItems, jobPrice, totalCredits, WORK_UNITS_PER_CREDIT } from '../kernel/price.ts'
import { readConfig } from '../server/config.ts'

const text = readFileSync(new URL('credits.md', import.meta.url), 'utf8')
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

/** Cells of the table rows of the document, by their first cell. */
const rows = new Map(
  text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .map(([first = '', ...rest]) => [first, rest]),
)

const contract: unknown = JSON.parse(/-d '(\{.*?\})'\n/s.exec(readme)?.[1] ?? '')

describe('the worked example of docs/credits.md', () => {
  const { plan } = OPS.prepare(contract)
  const price = jobPrice(plan, { mode: 'quorum', k: 2 })

  it('has the price that the kernel computes', () => {
    const units = plan.work_units.toLocaleString('en-US')
    expect(text).toContain(`${plan.shard_count} shards, ${units} work units, quorum 2`)
    expect(text).toContain(
      `The shard price is ${price.shard_price}: \`ceil(${plan.work_units} / ${WORK_UNITS_PER_CREDIT * plan.shard_count})\``,
    )
    for (const { kind, copies, credits } of price.items)
      expect(rows.get(kind)).toEqual([String(copies), String(credits)])
    expect(rows.get('**hold**')).toEqual(['32', String(price.credits)])
  })

  it('has the payouts that the kernel computes under the default split', () => {
    const { split } = readConfig({})
    expect(text).toContain(`${split.contributor_permille} and ${split.site_permille} by default`)
    const work = [
      { agent: 'laptop', copies: 12, payee: 'Ada', site: undefined },
      { agent: 'tab', copies: 14, payee: 'the tab', site: { site_id: 'site', payee: 'Sam' } },
      { agent: 'house', copies: 4, payee: undefined, site: undefined },
      { agent: REFEREE, copies: 2, payee: undefined, site: undefined },
    ]
    const paid = new Map<string, number>()
    for (const payout of splitCharge(price.shard_price, work, split)) {
      const to = 'payee' in payout ? payout.payee : payout.code === 'fee' ? 'network, fee' : 'network, work'
      paid.set(to, (paid.get(to) ?? 0) + payout.credits)
    }
    for (const [to, credits] of paid) expect(rows.get(to)?.at(-1), to).toBe(String(credits))
    expect([...paid.keys()].sort()).toEqual(['Ada', 'Sam', 'network, fee', 'network, work', 'the tab'])
    expect(rows.get('**sum**')?.at(-1)).toBe(String([...paid.values()].reduce((sum, one) => sum + one, 0)))
    for (const [to, copies] of [
      ['Ada', 12],
      ['the tab', 14],
      ['Sam', 14],
      ['network, work', 6],
      ['network, fee', 26],
    ] as const)
      expect(rows.get(to)?.slice(0, 2)).toEqual([String(copies), String(copies * price.shard_price)])
  })

  it('says what a cancelled job would have cost', () => {
    const charged = totalCredits(
      costItems(price.shard_price, { computation: 10, verification: 10, referee: 0 }),
    )
    expect(text.replaceAll('\n', ' ')).toContain(
      `it would have been charged ${charged} and ${price.credits - charged} would have been released`,
    )
  })
})
