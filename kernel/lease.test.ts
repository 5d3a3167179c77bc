import { describe, expect, test } from 'vitest'
import { canonicalJson } from './canonical.ts'
import { bytesToHex, sha256Hex } from './digest.ts'
import {
  canonicalLease,
  isLeaseSigned,
  LEASE_BATCH_MAX,
  LEASE_PATH_MAX,
  type Lease,
  leaseDigest,
  leaseSchema,
} from './lease.ts'

const LEASE: Lease = {
  lease: 1,
  lease_id: '7-12',
  epoch: 7,
  job_id: '0d4c7a52-3f0e-4b52-8f5e-9f1f2b3c4d5e',
  agent: 'aa'.repeat(32),
  hub: 'bb'.repeat(32),
  contract_hash: 'cc'.repeat(32),
  plan_digest: 'dd'.repeat(32),
  first: 4096,
  count: 16,
}

test('the longest path is that of the largest batch', () => {
  expect(2 ** LEASE_PATH_MAX).toBe(LEASE_BATCH_MAX)
})

describe('a lease', () => {
  test.each([
    ['as hubs make them', LEASE],
    ['with an id of any letters', { ...LEASE, lease_id: '"\\\u0001é\u2028' }],
    [
      'with the largest numbers',
      { ...LEASE, epoch: Number.MAX_SAFE_INTEGER, first: Number.MAX_SAFE_INTEGER },
    ],
  ])('%s is written in its canonical form', (_, lease) => {
    expect(canonicalLease(leaseSchema.parse(lease))).toBe(canonicalJson({ ...lease }))
    expect(bytesToHex(leaseDigest(lease))).toBe(sha256Hex(`forge/lease/1\n${canonicalJson({ ...lease })}`))
  })

  test('has another digest whatever is changed', () => {
    const others: Partial<Lease>[] = [
      { lease_id: '7-13' },
      { epoch: 8 },
      { job_id: '0d4c7a52-3f0e-4b52-8f5e-000000000000' },
      { agent: 'a0'.repeat(32) },
      { hub: 'b0'.repeat(32) },
      { contract_hash: 'c0'.repeat(32) },
      { plan_digest: 'd0'.repeat(32) },
      { first: 0 },
      { count: 17 },
    ]
    const digests = [{}, ...others].map((other) => bytesToHex(leaseDigest({ ...LEASE, ...other })))
    expect(new Set(digests).size).toBe(Object.keys(LEASE).length)
  })

  test('with a path that does not fit its place is signed by nobody', async () => {
    const signature = new Uint8Array(64)
    for (const proof of [
      { index: 0, size: 1, path: new Uint8Array(32) },
      { index: 0, size: 2, path: new Uint8Array(0) },
      { index: 1, size: 1, path: new Uint8Array(0) },
      { index: 0, size: 2, path: new Uint8Array(31) },
      { index: 0.5, size: 2, path: new Uint8Array(32) },
    ])
      expect(
        await isLeaseSigned(leaseDigest(LEASE), { ...proof, signature }, new Uint8Array(32), () => true),
      ).toBe(false)
  })
})
