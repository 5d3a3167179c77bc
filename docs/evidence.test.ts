import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import type { EvidenceBundle } from '../kernel/evidence/bundle.ts'
import { fileOf, makeSample, ports } from '../kernel/evidence/sample.test-support.ts'
import { verifyEvidence } from '../kernel/evidence/verify.ts'

/** Another letter or digit in the place of the first match's last character. */
function change(text: string, where: RegExp): string {
  const changed = text.replace(where, (match) => {
    const last = match.at(-1) as string
    return match.slice(0, -1) + (/\d/.test(last) ? String((Number(last) + 1) % 10) : last === 'B' ? 'C' : 'B')
  })
  expect(changed).not.toBe(text)
  return changed
}

/** One character each. */
const CHANGES: Readonly<Record<string, (bundle: EvidenceBundle) => string | EvidenceBundle>> = {
  'format version': (bundle) => change(fileOf(bundle), /"forge":\d/),
  contract: (bundle) => ({ ...bundle, contract: change(bundle.contract, /"points":\d/) }),
  'replay key material': (bundle) => ({
    ...bundle,
    replay_key_material: change(bundle.replay_key_material, /"points":\d/),
  }),
  "envelope's payload": ({ envelope, ...bundle }) => ({
    ...bundle,
    envelope: { ...envelope, payload: change(envelope.payload, /^.{200}/) },
  }),
  "envelope's signature": ({ envelope, ...bundle }) => ({
    ...bundle,
    envelope: {
      ...envelope,
      signatures: envelope.signatures.map((one) => ({ ...one, sig: change(one.sig, /^.{10}/) })),
    },
  }),
  result: (bundle) => ({ ...bundle, result: change(bundle.result, /\d/) }),
  "a shard's digest": (bundle) => ({
    ...bundle,
    digests: bundle.digests?.map((row) => change(row, /^.{50}/)),
  }),
  trace: (bundle) => ({ ...bundle, trace: change(bundle.trace, /"count":\d/) }),
  'a receipt': ({ receipts: [first, ...others], ...bundle }) => ({
    ...bundle,
    receipts: [{ ...first, receipt: change(first?.receipt ?? '', /"epoch":\d/) }, ...others] as typeof others,
  }),
  "a receipt's signature": ({ receipts: [first, ...others], ...bundle }) => ({
    ...bundle,
    receipts: [{ ...first, signature: change(first?.signature ?? '', /^.{10}/) }, ...others] as typeof others,
  }),
  'ledger proof, index': (bundle) => withProof(bundle, /index \d/),
  'ledger proof, a hash': (bundle) => withProof(bundle, /index \d+\n.{10}/),
  'checkpoint, size': (bundle) => withProof(bundle, /\n\n.+\n\d/),
  'checkpoint, signature': (bundle) => withProof(bundle, /— pool\S+ .{20}/),
  "the hub's key": (bundle) => ({
    ...bundle,
    keys: { ...bundle.keys, hub: change(bundle.keys.hub, /^.{10}/) },
  }),
  "the log's key": (bundle) => ({
    ...bundle,
    keys: { ...bundle.keys, log: change(bundle.keys.log, /^.*\+.{9}/) },
  }),
}

function withProof(bundle: EvidenceBundle, where: RegExp): EvidenceBundle {
  return { ...bundle, log: { ...bundle.log, proof: change(bundle.log.proof, where) } }
}

it('docs/evidence.md says which check finds which change', async () => {
  const { bundle } = await makeSample()
  const found: [string, string | undefined][] = []
  for (const [where, changed] of Object.entries(CHANGES)) {
    const forged = changed(bundle)
    const file = typeof forged === 'string' ? forged : fileOf(forged)
    const { checks, verified } = await verifyEvidence(file, {}, ports)
    expect(verified).toBe(false)
    found.push([where, checks.find(({ state }) => state === 'failed')?.id])
  }
  const doc = readFileSync(path.join(import.meta.dirname, 'evidence.md'), 'utf8')
  const table = doc.slice(doc.indexOf('## What a change does'))
  const rows = [...table.matchAll(/^\| ([^|]+?) +\| `([a-z-]+)` +\|$/gm)].map(([, where, check]) => [
    where,
    check,
  ])
  expect(rows).toEqual(found)
})
