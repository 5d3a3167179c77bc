import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { contractSchema } from '../../kernel/contract.ts'
import { bundleSchema } from '../../kernel/evidence/bundle.ts'
import { receiptSchema } from '../../kernel/evidence/receipts.ts'
import { recordSchema } from '../../kernel/evidence/record.ts'
import { makeSample } from '../../kernel/evidence/sample.test-support.ts'
import { traceSchema } from '../../kernel/evidence/trace.ts'

/** The JSON Schemas that the site serves. `npm run generate:spec` writes them from the schemas of the kernel. */
const SCHEMAS = {
  contract: contractSchema,
  record: recordSchema,
  trace: traceSchema,
  receipt: receiptSchema,
  evidence: bundleSchema,
}

for (const [name, schema] of Object.entries(SCHEMAS))
  test(`the schema of ${name} is current`, async () => {
    const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
    const text = JSON.stringify({ $id: `urn:forge-pool:schema:${name}:v1`, ...json }, null, 2)
    await expect(`${text}\n`).toMatchFileSnapshot(`../../public/schemas/${name}.v1.json`)
  })

test('real documents satisfy the schemas that are served', async () => {
  const { bundle, record, settled } = await makeSample({ seed: 'schemas' })
  const documents: Record<keyof typeof SCHEMAS, unknown> = {
    contract: JSON.parse(bundle.contract),
    record,
    trace: JSON.parse(bundle.trace),
    receipt: settled.receipts[0]?.receipt,
    evidence: bundle,
  }
  for (const name of Object.keys(SCHEMAS)) {
    const text = readFileSync(new URL(`../../public/schemas/${name}.v1.json`, import.meta.url), 'utf8')
    const served = z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0])
    expect(served.safeParse(documents[name as keyof typeof SCHEMAS]).error).toBeUndefined()
    expect(served.safeParse({ [name]: 2 }).success).toBe(false)
  }
})
