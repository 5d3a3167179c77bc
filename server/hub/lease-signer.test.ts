import { describe, expect, it } from 'vitest'
import { makeKey, verifySignature } from '../../kernel/evidence/sample.test-support.ts'
import { isLeaseSigned, LEASE_BATCH_MAX, type Lease, leaseDigest } from '../../kernel/lease.ts'
import { LeaseSigner } from './lease-signer.ts'

const leaseOf = (number: number): Lease => ({
  lease: 1,
  lease_id: `1-${number}`,
  epoch: 1,
  job_id: '0d4c7a52-3f0e-4b52-8f5e-9f1f2b3c4d5e',
  agent: 'aa'.repeat(32),
  hub: 'bb'.repeat(32),
  contract_hash: 'cc'.repeat(32),
  plan_digest: 'dd'.repeat(32),
  first: 16 * number,
  count: 16,
})

/** A key that counts how often it signs. */
function countingKey() {
  const key = makeKey()
  const counted = { signatures: 0 }
  return {
    counted,
    publicKey: key.publicKey,
    sign: (message: Uint8Array) => {
      counted.signatures++
      return key.sign(message)
    },
  }
}

describe('the signer of leases', () => {
  it.each([1, 2, 3, 5, 63, LEASE_BATCH_MAX, LEASE_BATCH_MAX + 1, 150])(
    'signs %i leases of one turn with as few signatures as batches',
    async (count) => {
      const key = countingKey()
      const signer = new LeaseSigner(key)
      const leases = Array.from({ length: count }, (_, at) => leaseOf(at))
      const proofs = await Promise.all(leases.map((lease) => signer.sign(lease)))
      expect(key.counted.signatures).toBe(Math.ceil(count / LEASE_BATCH_MAX))
      const isSigned = (lease: Lease, at: number) => {
        const proof = proofs[at]
        if (proof === undefined) throw new Error('every lease has a proof')
        return isLeaseSigned(leaseDigest(lease), proof, key.publicKey, verifySignature)
      }
      for (const [at, lease] of leases.entries()) expect(await isSigned(lease, at)).toBe(true)
      // One lease's place is no other's.
      if (count > 1) expect(await isSigned(leaseOf(0), 1)).toBe(false)
      expect(await isSigned(leaseOf(count), 0)).toBe(false)
    },
  )

  it('signs a later turn anew, and tells those who wait when it cannot', async () => {
    const key = countingKey()
    const signer = new LeaseSigner(key)
    await signer.sign(leaseOf(1))
    await signer.sign(leaseOf(2))
    expect(key.counted.signatures).toBe(2)
    const broken = new LeaseSigner({ ...key, sign: () => Promise.reject(new Error('the key is gone')) })
    await expect(Promise.all([broken.sign(leaseOf(1)), broken.sign(leaseOf(2))])).rejects.toThrow(
      'the key is gone',
    )
  })
})
