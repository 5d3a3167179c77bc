import { describe, expect, test } from 'vitest'
import { LIMITS } from './limits.ts'
import {
  contractInput,
  contractOutput,
  enrolInput,
  enrolOutput,
  hubMessage,
  leasesInput,
  PROTOCOL_VERSION,
  releaseInput,
  resultInput,
  resultOutput,
} from './protocol.ts'

const HEX = 'ab'.repeat(32)
const ENROL = {
  v: PROTOCOL_VERSION,
  public_key: new Uint8Array(32),
  executor: { kind: 'webgpu', label: 'Adapter' },
  software: 'forge/0.1',
  window: 4,
}
const LEASE = {
  t: 'lease',
  lease_id: 'L1',
  epoch: 1,
  job_id: '0d4c7a52-3f0e-4b52-8f5e-9f1f2b3c4d5e',
  contract_hash: HEX,
  plan_digest: HEX,
  first: 0,
  count: 1,
  deadline_ms: 60_000,
  proof: { index: 0, size: 1, path: new Uint8Array(0), signature: new Uint8Array(64) },
}
const RESULT = {
  v: PROTOCOL_VERSION,
  session: 's1',
  lease_id: 'L1',
  epoch: 1,
  executor: 'cpu',
  digests: new Uint8Array(32),
  result_root: new Uint8Array(32),
  leaves: [new Uint8Array(4)],
  elapsed_ms: 12.5,
  signature: new Uint8Array(64),
}
const RELEASE = { session: 's1', lease_ids: ['L1'], reason: 'paused' }

const SCHEMAS = {
  enrolInput,
  enrolOutput,
  leasesInput,
  hubMessage,
  contractInput,
  contractOutput,
  resultInput,
  resultOutput,
  releaseInput,
}

test.each<[keyof typeof SCHEMAS, string, object]>([
  ['enrolInput', 'the smallest enrolment', ENROL],
  ['enrolInput', 'a full enrolment', { ...ENROL, speed: 1e6, owner_token: `fpnt_${'A'.repeat(43)}` }],
  [
    'enrolOutput',
    'an enrolment',
    { session: 's1', agent_id: HEX, owner: '203.0.113.0/24', epoch: 7, hub_key: new Uint8Array(32) },
  ],
  ['leasesInput', 'a session', { session: 's1' }],
  ['leasesInput', 'a fresh subscription', { session: 's1', lastEventId: null }],
  ['leasesInput', 'a resumed subscription', { session: 's1', lastEventId: '17' }],
  ['hubMessage', 'a lease', LEASE],
  ['hubMessage', 'the largest lease', { ...LEASE, count: LIMITS.lease_shards }],
  ['hubMessage', 'a cancellation', { t: 'cancel', lease_id: 'L1', reason: 'the job was cancelled' }],
  ['hubMessage', 'an acceptance', { t: 'accepted', lease_id: 'L1', shards: 3 }],
  ['hubMessage', 'where to go', { t: 'draining', to: ['wss://hub-2.pool.example/agent'] }],
  ['hubMessage', 'a rejection', { t: 'rejected', lease_id: 'L1', reason: 'late' }],
  ['contractInput', 'a hash', { session: 's1', contract_hash: HEX }],
  ['contractOutput', 'a contract', { canonical: '{}' }],
  ['resultInput', 'a result', RESULT],
  ['resultInput', 'a result whose leaves are blobs', { ...RESULT, leaves: [] }],
  [
    'resultInput',
    'the digests of the largest lease',
    { ...RESULT, digests: new Uint8Array(32 * LIMITS.lease_shards) },
  ],
  ['resultOutput', 'an answer', { outcome: 'not_held' }],
  ['releaseInput', 'a release', RELEASE],
])('%s accepts %s', (schema, _what, message) => {
  expect(SCHEMAS[schema].safeParse(message).success).toBe(true)
})

describe('refused', () => {
  test.each<[keyof typeof SCHEMAS, string, object]>([
    ['enrolInput', 'another version', { ...ENROL, v: 1 }],
    ['enrolInput', 'a short key', { ...ENROL, public_key: new Uint8Array(31) }],
    ['enrolInput', 'a key that is no bytes', { ...ENROL, public_key: HEX }],
    ['enrolInput', 'a field too many', { ...ENROL, admin: true }],
    ['enrolInput', 'an unknown executor', { ...ENROL, executor: { kind: 'tpu', label: '' } }],
    ['enrolInput', 'a long label', { ...ENROL, executor: { kind: 'cpu', label: 'x'.repeat(121) } }],
    ['enrolInput', 'a control character', { ...ENROL, software: 'forge\n' }],
    ['enrolInput', 'a window of none', { ...ENROL, window: 0 }],
    ['enrolInput', 'a window of nine', { ...ENROL, window: 9 }],
    ['enrolInput', 'an infinite speed', { ...ENROL, speed: Number.POSITIVE_INFINITY }],
    ['enrolInput', 'a negative speed', { ...ENROL, speed: -1 }],
    ['enrolInput', 'a token of another kind', { ...ENROL, owner_token: 'fpnt_short' }],
    ['leasesInput', 'a session with a slash', { session: '../x' }],
    ['leasesInput', 'a long event id', { session: 's1', lastEventId: 'x'.repeat(65) }],
    ['hubMessage', 'too many places to go to', { t: 'draining', to: Array(9).fill('wss://a.example') }],
    ['hubMessage', 'an unknown kind', { t: 'pay', lease_id: 'L1' }],
    ['hubMessage', 'a lease that is not signed', { ...LEASE, proof: undefined }],
    [
      'hubMessage',
      'a path of half a hash',
      { ...LEASE, proof: { ...LEASE.proof, path: new Uint8Array(16) } },
    ],
    ['hubMessage', 'an empty lease', { ...LEASE, count: 0 }],
    ['hubMessage', 'a lease beyond the limit', { ...LEASE, count: LIMITS.lease_shards + 1 }],
    ['hubMessage', 'a shard beyond 2^53', { ...LEASE, first: 2 ** 53 }],
    ['hubMessage', 'a digest in capitals', { ...LEASE, contract_hash: HEX.toUpperCase() }],
    ['hubMessage', 'a long reason', { t: 'cancel', lease_id: 'L1', reason: 'x'.repeat(201) }],
    ['contractOutput', 'a contract beyond the limit', { canonical: ' '.repeat(LIMITS.contract_bytes + 1) }],
    ['resultInput', 'no digest', { ...RESULT, digests: new Uint8Array(0) }],
    ['resultInput', 'part of a digest', { ...RESULT, digests: new Uint8Array(33) }],
    [
      'resultInput',
      'too many digests',
      { ...RESULT, digests: new Uint8Array(32 * LIMITS.lease_shards + 32) },
    ],
    ['resultInput', 'a long root', { ...RESULT, result_root: new Uint8Array(33) }],
    ['resultInput', 'a short signature', { ...RESULT, signature: new Uint8Array(63) }],
    ['resultInput', 'a large leaf', { ...RESULT, leaves: [new Uint8Array(LIMITS.inline_leaf_bytes + 1)] }],
    [
      'resultInput',
      'too many leaves',
      { ...RESULT, leaves: Array(LIMITS.lease_shards + 1).fill(new Uint8Array(0)) },
    ],
    ['resultInput', 'a leaf that is no bytes', { ...RESULT, leaves: [[1, 2, 3]] }],
    ['resultInput', 'a time that is no number', { ...RESULT, elapsed_ms: Number.NaN }],
    ['resultInput', 'a negative epoch', { ...RESULT, epoch: -1 }],
    ['releaseInput', 'too many leases', { ...RELEASE, lease_ids: Array(65).fill('L1') }],
    ['releaseInput', 'an unknown reason', { ...RELEASE, reason: 'bored' }],
    ['releaseInput', 'a long detail', { ...RELEASE, detail: 'x'.repeat(301) }],
  ])('by %s: %s', (schema, _what, message) => {
    expect(SCHEMAS[schema].safeParse(message).success).toBe(false)
  })

  test.each(Object.keys(SCHEMAS) as (keyof typeof SCHEMAS)[])(
    'by %s: what is no message at all',
    (schema) => {
      for (const value of [undefined, null, 0, '', [], {}, new Uint8Array(8)]) {
        expect(SCHEMAS[schema].safeParse(value).success).toBe(false)
      }
    },
  )
})
