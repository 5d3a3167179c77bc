import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sha256Hex } from '../../kernel/digest.ts'
import { type Key, makeKey } from '../../kernel/evidence/sample.test-support.ts'
import { type EnrolInput, PROTOCOL_VERSION } from '../../kernel/protocol.ts'
import { successionBytes } from '../../kernel/succession.ts'
import { createCreditStore } from '../memory/credit-store.ts'
import {
  addTransfers,
  agentAccount,
  ESCROW,
  GRANTS,
  type NewTransfer,
  openAccounts,
  ownerAccount,
  transferId,
} from '../memory/ledger.ts'
import type { OwnerRow } from '../memory/ports/owners.ts'
import { inTransaction } from '../memory/transaction.ts'
import type { Hub } from './hub.ts'
import { TestNetwork } from './testing/test-network.ts'

let network: TestNetwork
let owner: OwnerRow
let hub: Hub

beforeAll(async () => {
  network = await TestNetwork.open()
  owner = await network.owner('ada')
})
beforeEach(async () => {
  hub = (await network.start()).hub
})
afterEach(({ task }) => network.rest(task))
afterAll(() => network.close())

const idOf = (key: Key): string => sha256Hex(key.publicKey)
const bytes = (value: Uint8Array) => new Uint8Array(value)

function handedOn(from: Key, to: Key): NonNullable<EnrolInput['succeeds']> {
  const statement = successionBytes({ from: from.publicKey, to: to.publicKey })
  return {
    public_key: bytes(from.publicKey),
    signature: bytes(from.sign(statement)),
    own_signature: bytes(to.sign(statement)),
  }
}

const enrol = (key: Key, succeeds?: EnrolInput['succeeds'], who: OwnerRow = owner) =>
  hub.enrol(
    {
      v: PROTOCOL_VERSION,
      public_key: bytes(key.publicKey),
      executor: { kind: 'cpu', label: 'test' },
      software: 'test/1',
      window: 1,
      ...(succeeds === undefined ? {} : { succeeds }),
    },
    { ownerId: who.id, ownerLabel: who.label },
  )

describe('a key that succeeds another', () => {
  it('takes over owner, name and reputation; the old one is sent away and refused', async () => {
    const [old, heir] = [makeKey(), makeKey()]
    const { agents, trust } = network
    const { session } = await enrol(old)
    await agents.rename(idOf(old), owner.id, 'the workshop')
    await trust.passed([{ agent: idOf(old), executor: 'cpu', valid: 41 }])
    const stranger = await network.owner('somebody else')
    // Whoever it enrols for, a known agent keeps its account.
    await enrol(heir, handedOn(old, heir), stranger)
    expect(hub.sessionExists(session)).toBe(false)
    expect(await agents.get(idOf(heir))).toMatchObject({
      owner_id: owner.id,
      name: 'the workshop',
      revoked_at: null,
    })
    const known = await trust.ofAgents([idOf(heir)])
    expect(known.get(idOf(heir))?.trust).toMatchObject([{ executor: 'cpu', checks: 41, valid: 41 }])
    await expect(enrol(old)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    // Told again after a lost answer, it says the same.
    await enrol(heir, handedOn(old, heir))
    await enrol(heir)
  })

  it('takes over quarantine as well', async () => {
    const [old, heir] = [makeKey(), makeKey()]
    await enrol(old)
    await network.trust.failed([
      { agent: idOf(old), executor: 'cpu', reason: 'a wrong digest', job_id: undefined },
    ])
    await expect(enrol(heir, handedOn(old, heir))).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('a wrong digest'),
    })
    await expect(enrol(heir)).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  it('has only one predecessor and one successor, and both must sign', async () => {
    const [old, heir, rival, known] = [makeKey(), makeKey(), makeKey(), makeKey()]
    await enrol(old)
    await enrol(known)
    const fair = handedOn(old, heir)
    for (const bent of [
      { ...fair, signature: fair.own_signature },
      { ...fair, own_signature: fair.signature },
      { ...handedOn(rival, heir), public_key: fair.public_key },
      handedOn(heir, heir),
    ])
      await expect(enrol(heir, bent)).rejects.toMatchObject({ code: 'FORBIDDEN', path: 'succeeds' })
    await expect(enrol(known, handedOn(old, known))).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('has enrolled before'),
    })
    await enrol(heir, fair)
    await expect(enrol(rival, handedOn(old, rival))).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('another successor'),
    })
  })

  it('inherits nothing from a key that was revoked, or that nobody knows', async () => {
    const [old, heir, other] = [makeKey(), makeKey(), makeKey()]
    const { agents, trust } = network
    await enrol(old)
    await trust.passed([{ agent: idOf(old), executor: 'cpu', valid: 9 }])
    await agents.revoke(idOf(old), owner.id)
    const stranger = await network.owner('thief')
    await enrol(heir, handedOn(old, heir), stranger)
    expect(await agents.get(idOf(heir))).toMatchObject({ owner_id: stranger.id })
    expect((await trust.ofAgents([idOf(heir)])).get(idOf(heir))?.trust).toEqual([])
    await enrol(other, handedOn(makeKey(), other))
  })

  it('claims what its predecessors have earned', async () => {
    const keys = [makeKey(), makeKey(), makeKey()] as const
    const [anybody] = await network.database.prisma.owners.createManyAndReturn({
      data: [{ kind: 'network', label: '203.0.113.0/24', natural_key: 'network:203.0.113.0/24' }],
    })
    if (anybody === undefined) throw new Error('the owner is stored')
    const anonymous = { ...owner, id: anybody.id, label: anybody.label }
    await enrol(keys[0], undefined, anonymous)
    await enrol(keys[1], handedOn(keys[0], keys[1]), anonymous)
    await enrol(keys[2], handedOn(keys[1], keys[2]), anonymous)
    // What a job pays is granted, held and charged before.
    const [payer, job_id] = [ownerAccount(owner.id), '00000000-0000-4000-8000-00000000c1a1']
    const [hold, amount] = [transferId('hold', job_id), 30]
    await inTransaction(network.database.pool, async (tx) => {
      await openAccounts(tx, [payer, ...keys.map(idOf).map(agentAccount)])
      const add = (...transfers: NewTransfer[]) => addTransfers(tx, transfers)
      const escrow = { debit: payer, credit: ESCROW, amount, job_id }
      await add({
        id: transferId('grant', 'x'),
        flag: 'posted',
        code: 'grant',
        debit: GRANTS,
        credit: payer,
        amount,
      })
      await add({ id: hold, flag: 'pending', code: 'hold', ...escrow, timeout_ms: 60_000 })
      await add({
        id: transferId('post', hold),
        flag: 'post_pending',
        code: 'charge',
        ...escrow,
        pending_id: hold,
      })
      for (const agent of keys.map(idOf)) {
        const contribution = { debit: ESCROW, credit: agentAccount(agent), amount: 10, job_id, agent }
        await add({ id: transferId('pay', agent), flag: 'posted', code: 'contribution', ...contribution })
      }
    })
    expect(await createCreditStore(network.database.pool).claimAgent(idOf(keys[2]), owner.id)).toBe(30)
    const { agents } = network
    for (const key of keys) expect(await agents.get(idOf(key))).toMatchObject({ owner_id: owner.id })
  })
})
