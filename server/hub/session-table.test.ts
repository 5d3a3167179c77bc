import { describe, expect, it } from 'vitest'
import { ForgeError } from '../../kernel/errors.ts'
import { makeKey } from '../../kernel/evidence/sample.test-support.ts'
import { type EnrolInput, PROTOCOL_VERSION } from '../../kernel/protocol.ts'
import { LeaseSigner } from './lease-signer.ts'
import { SessionTable } from './session-table.ts'

const signer = new LeaseSigner(makeKey())
const connection = { ownerId: 'owner', ownerLabel: 'Ada' }

function inputOf(public_key: Uint8Array): EnrolInput {
  return {
    v: PROTOCOL_VERSION,
    public_key: new Uint8Array(public_key),
    executor: { kind: 'wasm', label: 'test' },
    software: 'test/1',
    window: 1,
  }
}

describe("an agent's key", () => {
  it('is refused when it enrols, not with its first result', () => {
    const table = new SessionTable()
    const ofSmallOrder = new Uint8Array(32)
    ofSmallOrder[0] = 1
    const beyondTheField = new Uint8Array(32).fill(255)
    for (const key of [new Uint8Array(32), ofSmallOrder, beyondTheField]) {
      const enrol = () => table.add('session', 'agent', connection, inputOf(key), signer)
      expect(enrol).toThrow(ForgeError)
      expect(enrol).toThrow('no honest signer')
      expect(table.has('session')).toBe(false)
    }
  })

  it('is what it was when it enrolled, whatever becomes of the message', () => {
    const key = makeKey()
    const table = new SessionTable()
    const frame = new Uint8Array(200)
    frame.set(key.publicKey, 100)
    const input = { ...inputOf(key.publicKey), public_key: frame.subarray(100, 132) }
    table.add('session', 'agent', connection, input, signer)
    frame.fill(0)
    expect(table.get('session').publicKey).toEqual(new Uint8Array(key.publicKey))
  })
})
