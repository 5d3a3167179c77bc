import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { canonicalJson, type Json } from '../../kernel/canonical.ts'
import { parseContractText } from '../../kernel/contract.ts'
import { bytesToHex } from '../../kernel/digest.ts'
import { verifySignature } from '../../kernel/evidence/sample.test-support.ts'
import { KERNEL_SEMANTICS, replayKeyMaterial } from '../../kernel/job.ts'
import { isLeaseSigned, type Lease, leaseBatchBytes, leaseDigest } from '../../kernel/lease.ts'
import { LIMITS } from '../../kernel/limits.ts'
import { merkleRootOfDigests } from '../../kernel/merkle.ts'
import { philox4x32 } from '../../kernel/numerics/philox.ts'
import { referenceLeaf } from '../../kernel/ops/references.test-support.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { type Receipt, receiptBytes, type UnleasedReceipt } from '../../kernel/receipt.ts'
import { philoxKey, seedMaterial } from '../../kernel/seed.ts'
import { isSuccessionSigned, successionBytes } from '../../kernel/succession.ts'

/** Executes the examples of contract.md: hashes by Node's crypto from the bytes shown, and by the kernel. */
const PAGE = readFileSync(new URL('contract.md', import.meta.url), 'utf8')
const EXAMPLES = new Map(
  [...PAGE.matchAll(/^```\w+ example=([\w-]+)\n([\s\S]*?)\n```$/gm)].map((block) => [block[1], block[2]]),
)
const used = new Set<string>()

function example(name: string): string {
  const text = EXAMPLES.get(name)
  if (text === undefined) throw new Error(`contract.md has no example ${name}`)
  used.add(name)
  return text
}

const bytes = (name: string): Buffer => Buffer.from(example(name), 'hex')
const sha256 = (...parts: (string | Uint8Array)[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const sha256Hex = (...parts: (string | Uint8Array)[]): string => sha256(...parts).toString('hex')

const contract = parseContractText(example('contract'))
const job = OPS.prepare(JSON.parse(example('contract')))
const inputs = new Map([
  ['a', new Uint8Array(bytes('input-a'))],
  ['b', new Uint8Array(bytes('input-b'))],
])

test('operands are named by the digest of their bytes', () => {
  for (const [name, operand] of inputs) expect(contract.inputs[name]?.digest).toBe(sha256Hex(operand))
})

test('canonical form and contract hash', () => {
  expect(job.canonical).toBe(example('canonical'))
  expect(sha256Hex(example('canonical'))).toBe(example('contract-hash'))
  expect(job.contractHash).toBe(example('contract-hash'))
})

test('seed', () => {
  const { op, args } = contract
  expect(canonicalJson({ args, inputs: contract.inputs, op } as unknown as Json)).toBe(
    example('derived-seed-text'),
  )
  const material = seedMaterial(contract.seed, op, args, contract.inputs)
  expect(canonicalJson({ ...material })).toBe(example('seed-material'))
  expect(material.value).toBe(sha256Hex(example('derived-seed-text')))
})

test('Philox key', () => {
  const words = (values: Iterable<number>): string =>
    Array.from(values, (word) => word.toString(16).padStart(8, '0')).join(' ')
  const digest = sha256(example('philox-text'))
  const key = philoxKey({ mode: 'explicit', value: '42' })
  expect(words([digest.readUInt32LE(0), digest.readUInt32LE(4)])).toBe(example('philox-key'))
  expect(words(key)).toBe(example('philox-key'))
  const drawn = new Uint32Array(4)
  philox4x32(drawn, 0, 0, 0, 0, ...key)
  expect(words(drawn)).toBe(example('philox-words'))
})

test('plan', () => {
  const { shard_count, leaf, constants } = job.plan
  expect(canonicalJson({ shard_count, leaf: { ...leaf }, constants })).toBe(example('plan'))
  expect(sha256Hex(example('plan'))).toBe(example('plan-digest'))
  expect(job.planDigest).toBe(example('plan-digest'))
})

test('replay key', () => {
  const material = replayKeyMaterial(OPS.get(job.op), job.contract, job.plan)
  expect(canonicalJson(material)).toBe(example('replay-key-material'))
  expect(sha256Hex(example('replay-key-material'))).toBe(example('replay-key'))
  expect(job.replayKey).toBe(example('replay-key'))
})

test('leaf and result root', () => {
  expect(bytesToHex(referenceLeaf(job, 0, inputs))).toBe(example('leaf'))
  expect(sha256Hex(bytes('leaf'))).toBe(example('leaf-digest'))
  const zero = Uint8Array.of(0)
  const one = Uint8Array.of(1)
  expect(sha256Hex(zero, bytes('leaf-digest'))).toBe(example('result-root'))
  expect(bytesToHex(merkleRootOfDigests(bytes('leaf-digest')))).toBe(example('result-root'))
  const digests = Uint8Array.from({ length: 96 }, (_, i) => i >> 5)
  const [first, second, third] = [0, 32, 64].map((at) => sha256(zero, digests.subarray(at, at + 32)))
  if (first === undefined || second === undefined || third === undefined) throw new Error('three leaves')
  expect(sha256Hex(one, sha256(one, first, second), third)).toBe(example('root-of-three'))
  expect(bytesToHex(merkleRootOfDigests(digests))).toBe(example('root-of-three'))
})

test('receipt', () => {
  const receipt: UnleasedReceipt = {
    receipt: 1,
    lease_id: 'L1',
    epoch: 1,
    contract_hash: example('contract-hash'),
    plan_digest: example('plan-digest'),
    first: 0,
    count: 1,
    result_root: example('result-root'),
    executor: 'webgpu',
    software: 'forge-pool/0.1.0',
  }
  const signed = receiptBytes(receipt)
  expect(new TextDecoder().decode(signed)).toBe(example('receipt-bytes'))
  const { secret, publicKey } = keyOf('receipt-secret-key')
  expect(sign(null, signed, secret).toString('hex')).toBe(example('receipt-signature'))
  expect(sha256Hex(publicKey)).toBe(example('agent-id'))
})

/** RFC 8410: the 16 bytes that stand before an Ed25519 secret key in PKCS #8, and 12 before a public key. */
function keyOf(name: string): { readonly secret: KeyObject; readonly publicKey: Uint8Array } {
  const secret = createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), bytes(name)]),
    format: 'der',
    type: 'pkcs8',
  })
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' })
  return { secret, publicKey: new Uint8Array(spki.subarray(12)) }
}

test('lease, its batch, and the receipt of it', async () => {
  const hub = keyOf('lease-hub-secret-key')
  const agent = keyOf('receipt-secret-key')
  const lease: Lease = {
    lease: 1,
    lease_id: '1-1',
    epoch: 1,
    job_id: '0d4c7a52-3f0e-4b52-8f5e-9f1f2b3c4d5e',
    agent: sha256Hex(agent.publicKey),
    hub: sha256Hex(hub.publicKey),
    contract_hash: example('contract-hash'),
    plan_digest: example('plan-digest'),
    first: 0,
    count: 1,
  }
  expect(`forge/lease/1\n${canonicalJson(lease)}`).toBe(example('lease-bytes'))
  expect(sha256Hex(example('lease-bytes'))).toBe(example('lease-digest'))
  expect(bytesToHex(leaseDigest(lease))).toBe(example('lease-digest'))
  const zero = Uint8Array.of(0)
  const sibling = sha256(zero, Buffer.alloc(32, 2))
  expect(sibling.toString('hex')).toBe(example('lease-path'))
  const root = sha256(Uint8Array.of(1), sha256(zero, bytes('lease-digest')), sibling)
  const batch = Buffer.concat([Buffer.from('forge/leases/1\n'), root, Buffer.of(0, 0, 0, 2)])
  expect(batch.toString('hex')).toBe(example('lease-batch-bytes'))
  expect(bytesToHex(leaseBatchBytes(root, 2))).toBe(example('lease-batch-bytes'))
  expect(sign(null, batch, hub.secret).toString('hex')).toBe(example('lease-signature'))
  const proof = { index: 0, size: 2, path: bytes('lease-path'), signature: bytes('lease-signature') }
  expect(await isLeaseSigned(bytes('lease-digest'), proof, hub.publicKey, verifySignature)).toBe(true)
  const receipt: Receipt = {
    receipt: 2,
    lease_id: lease.lease_id,
    epoch: lease.epoch,
    contract_hash: lease.contract_hash,
    plan_digest: lease.plan_digest,
    first: lease.first,
    count: lease.count,
    result_root: example('result-root'),
    executor: 'webgpu',
    software: 'forge-pool/0.1.0',
    lease: example('lease-digest'),
  }
  expect(new TextDecoder().decode(receiptBytes(receipt))).toBe(example('receipt-two-bytes'))
  expect(sign(null, receiptBytes(receipt), agent.secret).toString('hex')).toBe(
    example('receipt-two-signature'),
  )
})

test('a key that succeeds another', async () => {
  const [old, heir] = [keyOf('receipt-secret-key'), keyOf('lease-hub-secret-key')]
  const signed = successionBytes({ from: old.publicKey, to: heir.publicKey })
  expect(new TextDecoder().decode(signed)).toBe(example('succession-bytes'))
  const signatures = [old, heir].map(({ secret }) => sign(null, signed, secret))
  expect(signatures.map((one) => one.toString('hex')).join('\n')).toBe(example('succession-signatures'))
  const [from_signature = signed, to_signature = signed] = signatures
  const statement = { from: old.publicKey, to: heir.publicKey, from_signature, to_signature }
  expect(await isSuccessionSigned(statement, verifySignature)).toBe(true)
  for (const bent of [
    { from: heir.publicKey },
    { to: old.publicKey },
    { from_signature: to_signature },
    { to_signature: from_signature },
  ])
    expect(await isSuccessionSigned({ ...statement, ...bent }, verifySignature)).toBe(false)
})

test('result', () => {
  const aggregate = job.newAggregate()
  aggregate.add(0, new Uint8Array(bytes('leaf')))
  const { result } = aggregate.finish()
  expect(canonicalJson(result)).toBe(example('result'))
  expect(sha256Hex(example('result'))).toBe(example('result-digest'))
})

test('limits and versions in the text are those of the kernel', () => {
  const number = new Intl.NumberFormat('en-US')
  const sentences = [
    `more than ${number.format(LIMITS.contract_bytes)} bytes`,
    `more than ${LIMITS.json_depth} arrays and objects`,
    `at most ${LIMITS.input_count} entries`,
    `\`shape\` (1 to ${LIMITS.input_rank} integers`,
    `1 to ${LIMITS.seed_chars} printable`,
    `1,000 to ${number.format(LIMITS.timeout_ms_max)}; default ${number.format(LIMITS.timeout_ms_default)}`,
    `(2 to ${LIMITS.quorum_max}; default 2)`,
    `\`shard_count\` <= ${number.format(LIMITS.shards)}`,
    `\`kernel_semantics\` | \`${KERNEL_SEMANTICS}\``,
  ]
  const text = PAGE.replaceAll(/\s+/g, ' ')
  for (const sentence of sentences) expect(text).toContain(sentence)
})

test('every example was executed', () => {
  expect([...EXAMPLES.keys()].filter((name) => name === undefined || !used.has(name))).toEqual([])
})
