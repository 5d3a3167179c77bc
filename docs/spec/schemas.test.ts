import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { contractSchema } from '../../kernel/contract.ts'
import { bundleSchema } from '../../kernel/evidence/bundle.ts'
import { receiptSchemaOne, receiptSchemaTwo } from '../../kernel/evidence/receipts.ts'
import { recordSchema } from '../../kernel/evidence/record.ts'
import { makeSample } from '../../kernel/evidence/sample.test-support.ts'
import { traceSchema } from '../../kernel/evidence/trace.ts'
import { leaseOf, leaseSchema } from '../../kernel/lease.ts'

/** The JSON Schemas that the site serves. `npm run generate:spec` writes them from the schemas of the kernel. */
const SCHEMAS = {
  'contract.v1': contractSchema,
  'lease.v1': leaseSchema,
  'record.v1': recordSchema,
  'trace.v1': traceSchema,
  'receipt.v1': receiptSchemaOne,
  'receipt.v2': receiptSchemaTwo,
  'evidence.v1': bundleSchema,
}

for (const [name, schema] of Object.entries(SCHEMAS))
  test(`the schema of ${name} is current`, async () => {
    const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
    const text = JSON.stringify({ $id: `urn:forge-pool:schema:${name.replace('.', ':')}`, ...json }, null, 2)
    await expect(`${text}\n`).toMatchFileSnapshot(`../../public/schemas/${name}.json`)
  })

test('real documents satisfy the schemas that are served', async () => {
  const { bundle, record, settled } = await makeSample({ seed: 'schemas' })
  const before = await makeSample({ seed: 'schemas', receipt: 1 })
  const [receiptOne, receiptTwo] = [before, { settled }].map((one) => one.settled.receipts[0]?.receipt)
  if (receiptOne === undefined || receiptTwo === undefined) throw new Error('the samples have receipts')
  const documents: Record<keyof typeof SCHEMAS, unknown> = {
    'contract.v1': JSON.parse(bundle.contract),
    'lease.v1': leaseOf(receiptTwo, { job_id: record.job_id, agent: '0'.repeat(64), hub: '0'.repeat(64) }),
    'record.v1': record,
    'trace.v1': JSON.parse(bundle.trace),
    'receipt.v1': receiptOne,
    'receipt.v2': receiptTwo,
    'evidence.v1': bundle,
  }
  for (const name of Object.keys(SCHEMAS)) {
    const text = readFileSync(new URL(`../../public/schemas/${name}.json`, import.meta.url), 'utf8')
    const served = z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0])
    expect(served.safeParse(documents[name as keyof typeof SCHEMAS]).error).toBeUndefined()
    expect(served.safeParse({ [name.split('.')[0] as string]: 3 }).success).toBe(false)
  }
})
