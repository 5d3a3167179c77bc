import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { canonicalJson, type Json } from '../../kernel/canonical.ts'
import { correctedBundle, sampleCorrection } from '../../kernel/evidence/correction.test-support.ts'
import { CORRECTION_SHARDS, correctionSchema } from '../../kernel/evidence/correction.ts'
import { fileOf, makeSample, ports } from '../../kernel/evidence/sample.test-support.ts'
import { verifyEvidence } from '../../kernel/evidence/verify.ts'
import { bothOn, pinsOf, states } from './reference/agreement.test-support.ts'
import { hasPython } from './reference/second-verifier.test-support.ts'

/** Computes the examples of correction.md, its vectors and the schema that is served. */
const PAGE = readFileSync(new URL('correction.md', import.meta.url), 'utf8')
const shown = Object.fromEntries(
  [...PAGE.matchAll(/^```\w+ example=([\w-]+)\n([\s\S]*?)\n?```$/gm)].map((block) => [block[1], block[2]]),
)
const sample = await makeSample({ seed: 'spec' })
const bundle = await correctedBundle(sample)
const [correction] = bundle.corrections ?? []
if (correction === undefined) throw new Error('the sample has a correction')
const envelopeDigest = createHash('sha256')
  .update(canonicalJson(correction.envelope as unknown as Json))
  .digest('hex')
const EXAMPLES: Record<string, string> = {
  statement: Buffer.from(correction.envelope.payload, 'base64').toString(),
  'envelope-digest': envelopeDigest,
  leaf: `{"envelope":"${envelopeDigest}","kind":"correction","leaf":1,"of":257}`,
}

test('the examples are the bytes computed', () => {
  expect(shown).toEqual(EXAMPLES)
  expect(PAGE).toContain(`1 to ${CORRECTION_SHARDS} triples`)
})

test('the vectors are current, and the file in them is of a corrected record', async () => {
  const file = fileOf(bundle)
  expect(await verifyEvidence(file, {}, ports)).toMatchObject({ verified: false, corrected: true })
  await expect(`${JSON.stringify({ examples: EXAMPLES, file }, null, 2)}\n`).toMatchFileSnapshot(
    'vectors/correction.json',
  )
})

test('the schema that is served is current, and a real correction satisfies it', async () => {
  const json = z.toJSONSchema(correctionSchema, { io: 'input' })
  const text = JSON.stringify({ $id: 'urn:forge-pool:schema:correction:v1', ...json }, null, 2)
  await expect(`${text}\n`).toMatchFileSnapshot('../../public/schemas/correction.v1.json')
  const served = z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0])
  expect(served.safeParse(sampleCorrection(sample)).error).toBeUndefined()
  expect(served.safeParse({ ...sampleCorrection(sample), wrong: [] }).success).toBe(false)
})

test.skipIf(!hasPython())('both verifiers reject a corrected record for its correction alone', async () => {
  const [verdicts] = await bothOn([{ file: fileOf(bundle), pins: pinsOf(sample) }])
  for (const report of verdicts ?? [])
    expect(states(report).filter((state) => state.includes('failed'))).toEqual([
      expect.stringContaining('corrections'),
    ])
})
