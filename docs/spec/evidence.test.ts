import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fromBase64 } from '../../kernel/base64.ts'
import { canonicalJson, type Json } from '../../kernel/canonical.ts'
import { CHECKS } from '../../kernel/evidence/checklist.ts'
import { receiptLeaf } from '../../kernel/evidence/receipts.ts'
import { fileOf, makeSample, ports } from '../../kernel/evidence/sample.test-support.ts'
import { verifyEvidence } from '../../kernel/evidence/verify.ts'
import { LIMITS } from '../../kernel/limits.ts'
import type { Receipt } from '../../kernel/receipt.ts'

/** Computes the examples of evidence.md and the vectors: hashes by Node's crypto, from the bytes shown. */
const PAGE = readFileSync(new URL('evidence.md', import.meta.url), 'utf8')
const shown = Object.fromEntries(
  [...PAGE.matchAll(/^```\w+ example=([\w-]+)\n([\s\S]*?)\n?```$/gm)].map((block) => [block[1], block[2]]),
)
const sha256Hex = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

const sample = await makeSample({ seed: 'spec', receipt: 1 })
const leased = await makeSample({ seed: 'spec' })
const [leasedReceipt] = leased.bundle.receipts
const { bundle } = sample
const [receipt] = bundle.receipts
const [signature] = bundle.envelope.signatures
if (receipt === undefined || leasedReceipt === undefined || signature === undefined)
  throw new Error('the sample has a receipt')
const statement = Buffer.from(bundle.envelope.payload, 'base64').toString()
const envelopeDigest = sha256Hex(canonicalJson(bundle.envelope as unknown as Json))
const leaf = `{"envelope":"${envelopeDigest}","kind":"record","leaf":1}`
const leafHash = (version: 1 | 2, { receipt, key, signature }: typeof leasedReceipt): string =>
  sha256Hex(Uint8Array.of(0), `forge/receipt/${version}\n${receipt}`, fromBase64(key), fromBase64(signature))
const { contract_hash, count, epoch, first, lease_id, plan_digest } = JSON.parse(
  leasedReceipt.receipt,
) as Receipt
const EXAMPLES: Record<string, string> = {
  receipt: receipt.receipt,
  'receipt-signature': receipt.signature,
  'receipt-leaf-hash': leafHash(1, receipt),
  lease: JSON.stringify({
    agent: sha256Hex(fromBase64(leasedReceipt.key)),
    contract_hash,
    count,
    epoch,
    first,
    hub: sha256Hex(leased.hub.publicKey),
    job_id: leased.record.job_id,
    lease: 1,
    lease_id,
    plan_digest,
  }),
  'leased-receipt': leasedReceipt.receipt,
  'leased-receipt-signature': leasedReceipt.signature,
  'leased-receipt-leaf-hash': leafHash(2, leasedReceipt),
  trace: bundle.trace,
  statement,
  'envelope-signature': signature.sig,
  'envelope-digest': envelopeDigest,
  leaf,
  'leaf-hash': sha256Hex(Uint8Array.of(0), leaf),
  proof: bundle.log.proof.trimEnd(),
  keys: [bundle.keys.hub, bundle.keys.log, ...bundle.keys.witnesses].join('\n'),
}

test('the examples are the bytes computed', () => {
  expect(shown).toEqual(EXAMPLES)
  expect(sha256Hex(Uint8Array.of(0), receiptLeaf(receipt))).toBe(EXAMPLES['receipt-leaf-hash'])
  expect(sha256Hex(Uint8Array.of(0), receiptLeaf(leasedReceipt))).toBe(EXAMPLES['leased-receipt-leaf-hash'])
  expect((JSON.parse(leasedReceipt.receipt) as Receipt).lease).toBe(
    sha256Hex(`forge/lease/1\n${EXAMPLES.lease}`),
  )
})

test('the vectors are current, and the files in them are verified', async () => {
  const none = await makeSample({ seed: 'spec', mode: 'none', receipt: 1 })
  const files = { quorum: fileOf(bundle), none: fileOf(none.bundle), leased: fileOf(leased.bundle) }
  for (const file of Object.values(files)) expect((await verifyEvidence(file, {}, ports)).verified).toBe(true)
  await expect(`${JSON.stringify({ examples: EXAMPLES, files }, null, 2)}\n`).toMatchFileSnapshot(
    'vectors/evidence.json',
  )
})

test('checks and limits in the text are those of the kernel', () => {
  const ids = [...PAGE.matchAll(/^\| `([a-z-]+)` +\| .*$/gm)].map(([, id]) => id)
  expect(ids.filter((id) => id !== undefined && id in CHECKS && id !== 'contract')).toEqual(
    expect.arrayContaining(Object.keys(CHECKS).filter((id) => id !== 'contract')),
  )
  const number = new Intl.NumberFormat('en-US')
  for (const limit of [LIMITS.contract_bytes, LIMITS.blob_bytes, LIMITS.shards, LIMITS.lease_shards])
    expect(PAGE).toContain(number.format(limit))
})
