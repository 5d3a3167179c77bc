import { createPublicKey, verify } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimBytes, claimProof } from '../kernel/claim.ts'
import { hexToBytes, sha256Hex } from '../kernel/digest.ts'
import { type Receipt, receiptBytes } from '../kernel/receipt.ts'
import { fileKeyStore } from './headless/identity-file.ts'
import {
  generateKey,
  generateSeed,
  type Identity,
  identityOf,
  type KeyStore,
  keptIdentity,
  openIdentity,
  signClaim,
  signReceipt,
} from './identity.ts'

const RECEIPT: Receipt = {
  receipt: 2,
  lease_id: 'l1',
  epoch: 3,
  contract_hash: 'a'.repeat(64),
  plan_digest: 'b'.repeat(64),
  first: 0,
  count: 2,
  result_root: 'c'.repeat(64),
  executor: 'cpu',
  software: 'test/1',
  lease: 'd'.repeat(64),
}

/** By Node's own Ed25519, which shares no code with the signer. */
function verifies(identity: Identity, bytes: Uint8Array, signature: Uint8Array): boolean {
  const x = Buffer.from(identity.publicKey).toString('base64url')
  return verify(
    null,
    bytes,
    createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }),
    signature,
  )
}

describe.each([
  ['a WebCrypto key', generateKey],
  ['a seed', async () => generateSeed()],
])('an identity from %s', (_, generate) => {
  it('signs receipts that anyone can verify, and names itself by its public key', async () => {
    const identity = await identityOf(await generate())
    const signature = await signReceipt(identity, RECEIPT)
    expect(verifies(identity, receiptBytes(RECEIPT), signature)).toBe(true)
    expect(verifies(identity, receiptBytes({ ...RECEIPT, count: 3 }), signature)).toBe(false)
    expect(identity.keyId).toBe(sha256Hex(identity.publicKey))
  })

  it('answers the challenge of one account', async () => {
    const identity = await identityOf(await generate())
    const challenge = { nonce: 'n'.repeat(43), owner: 'an account' }
    const proof = claimProof.parse(await signClaim(identity, challenge))
    expect(sha256Hex(hexToBytes(proof.public_key))).toBe(identity.keyId)
    expect(proof.nonce).toBe(challenge.nonce)
    const signature = hexToBytes(proof.signature)
    expect(verifies(identity, claimBytes(challenge), signature)).toBe(true)
    expect(verifies(identity, claimBytes({ ...challenge, owner: 'another' }), signature)).toBe(false)
  })
})

it('is not made by asking for the kept one', async () => {
  const empty: KeyStore = {
    load: async () => undefined,
    generate: () => Promise.reject(new Error('nothing is to be made')),
    keep: () => Promise.reject(new Error('nothing is to be kept')),
    note: () => undefined,
  }
  expect(await keptIdentity(empty)).toBeUndefined()
  const seed = generateSeed()
  const kept = await keptIdentity({ ...empty, load: async () => seed })
  expect(kept?.keyId).toBe((await identityOf(seed)).keyId)
})

it('keeps a WebCrypto key from being read', async () => {
  const key = await generateKey()
  if (key.kind !== 'webcrypto') throw new Error('this Node has Ed25519')
  await expect(crypto.subtle.exportKey('pkcs8', key.privateKey)).rejects.toThrow()
})

describe('the key file', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'forge-key-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('is written once, for its owner only, and gives the same identity again', async () => {
    const file = path.join(folder, 'deep', 'agent.key')
    const first = await openIdentity(fileKeyStore(file))
    const second = await openIdentity(fileKeyStore(file))
    expect(second.keyId).toBe(first.keyId)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readFile(file, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/)
  })

  it('gives one identity to agents that start at once', async () => {
    const file = path.join(folder, 'race.key')
    const opened = await Promise.all(Array.from({ length: 8 }, () => openIdentity(fileKeyStore(file))))
    expect(new Set(opened.map(({ keyId }) => keyId)).size).toBe(1)
  })

  it.each([
    ['others may read', '0'.repeat(64), 0o644],
    ['holds something else', 'hello', 0o600],
    ['is far too large', 'x'.repeat(10_000), 0o600],
  ])('is refused when it %s, and left as it is', async (_, text, mode) => {
    const file = path.join(folder, `bad-${text.length}.key`)
    await writeFile(file, text, { mode })
    await expect(openIdentity(fileKeyStore(file))).rejects.toMatchObject({ hint: /chmod 600/ })
    expect(await readFile(file, 'utf8')).toBe(text)
  })
})
