import { expect, it } from 'vitest'
import { claimBytes, claimProof } from './claim.ts'

it('has signed bytes that name their purpose, the nonce and the account', () => {
  const challenge = { nonce: 'n'.repeat(43), owner: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff' }
  expect(new TextDecoder().decode(claimBytes(challenge))).toBe(
    `forge/claim/1\n{"nonce":"${'n'.repeat(43)}","owner":"6f9619ff-8b86-4d01-b42d-00cf4fc964ff"}`,
  )
})

it('has proofs of one shape', () => {
  const proof = { public_key: 'a'.repeat(64), nonce: 'n'.repeat(43), signature: 'b'.repeat(128) }
  expect(claimProof.parse(proof)).toEqual(proof)
  for (const wrong of [
    { ...proof, public_key: 'A'.repeat(64) },
    { ...proof, signature: 'b'.repeat(127) },
    { ...proof, nonce: 'n' },
    { ...proof, owner: 'another' },
  ])
    expect(claimProof.safeParse(wrong).success).toBe(false)
})
