import { expect, test } from 'vitest'
import { canonicalJson } from './canonical.ts'
import { type Receipt, receiptBytes } from './receipt.ts'

const RECEIPT: Receipt = {
  receipt: 2,
  lease_id: 'L1',
  epoch: 3,
  contract_hash: 'aa'.repeat(32),
  plan_digest: 'bb'.repeat(32),
  first: 0,
  count: 16,
  result_root: 'cc'.repeat(32),
  executor: 'webgpu',
  software: 'forge/0.1',
  lease: 'dd'.repeat(32),
}

test('the signed bytes are a domain line and the canonical form', () => {
  const text = new TextDecoder().decode(receiptBytes(RECEIPT))
  expect(text).toBe(
    `forge/receipt/2\n{"contract_hash":"${'aa'.repeat(32)}","count":16,"epoch":3,"executor":"webgpu","first":0,` +
      `"lease":"${'dd'.repeat(32)}","lease_id":"L1","plan_digest":"${'bb'.repeat(32)}","receipt":2,"result_root":"${'cc'.repeat(32)}","software":"forge/0.1"}`,
  )
})

test('strings that JSON escapes are escaped as the canonical form has them', () => {
  const odd = { ...RECEIPT, software: 'a "quoted" \\\\ name', lease_id: 'l-"1' }
  expect(new TextDecoder().decode(receiptBytes(odd))).toBe(`forge/receipt/2\n${canonicalJson({ ...odd })}`)
})

test('every field is signed', () => {
  const texts = new Set([new TextDecoder().decode(receiptBytes(RECEIPT))])
  const others: Partial<Receipt>[] = [
    { lease_id: 'L2' },
    { epoch: 4 },
    { contract_hash: 'a0'.repeat(32) },
    { plan_digest: 'b0'.repeat(32) },
    { first: 1 },
    { count: 15 },
    { result_root: 'c0'.repeat(32) },
    { executor: 'cpu' },
    { software: 'forge/0.2' },
    { lease: 'd0'.repeat(32) },
  ]
  for (const other of others) texts.add(new TextDecoder().decode(receiptBytes({ ...RECEIPT, ...other })))
  expect(texts.size).toBe(Object.keys(RECEIPT).length)
})

test('a receipt of before leases were signed has its own domain', () => {
  const { lease: _, ...fields } = RECEIPT
  const bytes = receiptBytes({ ...fields, receipt: 1, software: 'a "receipt":2, b' })
  expect(new TextDecoder().decode(bytes)).toMatch(/^forge\/receipt\/1\n/)
})
