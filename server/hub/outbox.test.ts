import { describe, expect, it } from 'vitest'
import type { LeaseMessage, LeaseOffer } from '../../kernel/protocol.ts'
import { Outbox } from './outbox.ts'

const offer = (lease_id: string): LeaseOffer => ({
  t: 'lease',
  lease_id,
  epoch: 1,
  job_id: '00000000-0000-0000-0000-000000000000',
  contract_hash: '0'.repeat(64),
  plan_digest: '0'.repeat(64),
  first: 0,
  count: 1,
  deadline_ms: 1,
})
const proof = { index: 0, size: 1, path: new Uint8Array(0), signature: new Uint8Array(64) }

/** Signatures that are ready when the test says so. */
class Signer {
  readonly asked: { readonly done: () => void; readonly fail: () => void }[] = []

  sign(lease: LeaseOffer): Promise<LeaseMessage> {
    return new Promise((resolve, reject) => {
      this.asked.push({ done: () => resolve({ ...lease, proof }), fail: () => reject(new Error('no key')) })
    })
  }
}

function listener() {
  const heard: string[] = []
  return {
    heard,
    message: (id: string, message: { readonly t: string }) => void heard.push(`${message.t} ${id}`),
    ended: () => void heard.push('ended'),
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('what the hub says to an agent', () => {
  it('is heard in the order in which it was said, whatever is signed first', async () => {
    const signer = new Signer()
    const outbox = new Outbox(signer)
    const agent = listener()
    outbox.open(agent)
    outbox.push('1', offer('a'))
    outbox.push('2', offer('b'))
    outbox.push('3', { t: 'cancel', lease_id: 'a', reason: 'over' })
    expect(agent.heard).toEqual([])
    signer.asked[1]?.done()
    await settled()
    expect(agent.heard).toEqual([])
    outbox.finish()
    signer.asked[0]?.done()
    await settled()
    expect(agent.heard).toEqual(['lease 1', 'lease 2', 'cancel 3', 'ended'])
  })

  it('is lost while nobody listens, and what was on its way when another took over', async () => {
    const signer = new Signer()
    const outbox = new Outbox(signer)
    outbox.push('1', { t: 'accepted', lease_id: 'a', shards: 1 })
    const [first, second] = [listener(), listener()]
    outbox.open(first)
    outbox.push('2', offer('a'))
    outbox.open(second)
    expect(outbox.isOpenFor(first)).toBe(false)
    outbox.push('3', { t: 'accepted', lease_id: 'a', shards: 1 })
    signer.asked[0]?.done()
    await settled()
    expect(first.heard).toEqual(['ended'])
    expect(second.heard).toEqual(['accepted 3'])
  })

  it('ends when a lease cannot be signed: whoever listens anew is offered it anew', async () => {
    const signer = new Signer()
    const outbox = new Outbox(signer)
    const agent = listener()
    outbox.open(agent)
    outbox.push('1', offer('a'))
    signer.asked[0]?.fail()
    await settled()
    expect(agent.heard).toEqual(['ended'])
  })
})
