import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectAgentPeer } from './testing/agent-peer.ts'
import { rulesWith } from './testing/rate-rules.ts'
import { PASSWORD, postJson, type SignedUp, signUp } from './testing/sign-up.ts'
import { createTestPool, piContract, type RunningPool, type TestPool } from './testing/start-pool.ts'

/** The limits at the door, with numbers small enough to reach them, in windows that outlast every test. */

const SMALL = rulesWith(3600, {
  visitor: 5,
  key: 4,
  submit: 2,
  sign_in_address: 3,
  mail_address: 2,
  guest: 3,
  upgrade: 3,
  tile_kib: 2,
})

let testPool: TestPool
let pool: RunningPool
let ada: SignedUp

beforeAll(async () => {
  testPool = await createTestPool()
  pool = await testPool.start(0, SMALL)
  ada = await signUp(pool)
})
afterAll(() => testPool.dispose())

/** A host of its own for each test, as the trusted proxy reports it. */
const from = (address: string) => ({ 'x-forwarded-for': address })

async function statuses(count: number, ask: (nth: number) => Promise<Response>): Promise<number[]> {
  const seen: number[] = []
  for (let nth = 0; nth < count; nth++) seen.push((await ask(nth)).status)
  return seen
}

describe('too much', () => {
  it('from one host is refused with the time to wait; another host is served', async () => {
    const ask = (address: string) => fetch(`${pool.url}/api/trpc/network.stats`, { headers: from(address) })
    expect(await statuses(6, () => ask('203.0.113.1'))).toEqual([200, 200, 200, 200, 200, 429])
    const refused = await ask('203.0.113.1')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    const forge = {
      code: 'RATE_LIMITED',
      retryable: true,
      hint: expect.stringMatching(/^Try again in \d+ s\.$/),
    }
    expect(await refused.json()).toMatchObject({ error: { data: { httpStatus: 429, forge } } })
    const rest = await fetch(`${pool.url}/api/v0/jobs/x`, { headers: from('203.0.113.1') })
    expect(await rest.json()).toMatchObject({ error: forge })
    expect((await ask('203.0.113.2')).status).toBe(200)
    // Addresses that one host can pick at will count as one.
    expect(await statuses(6, (nth) => ask(`2001:db8:5:5::${nth + 1}`))).toEqual([
      200, 200, 200, 200, 200, 429,
    ])
  })

  it('by one key is refused, whatever the host, while its owner goes on', async () => {
    const { token } = (await ada.call('keys.create', { name: 'busy' })) as { token: string }
    const ask = (nth: number) =>
      fetch(`${pool.url}/api/trpc/jobs.list?input=%7B%7D`, {
        headers: { authorization: `Bearer ${token}`, ...from(`198.51.100.${nth}`) },
      })
    expect(await statuses(5, ask)).toEqual([200, 200, 200, 200, 429])
    await ada.call('jobs.list', {})
  })

  it('submitted at once is refused', async () => {
    const submit = (nth: number) =>
      postJson(`${pool.url}/api/v0/ops/execute`, piContract(`limit ${nth}`), ada.headers)
    expect(await statuses(3, submit)).toEqual([202, 202, 429])
  })

  it('guessed at one account is refused from every host, and the right password then too', async () => {
    const eve = await signUp(pool, 'Eve')
    const guess = (nth: number, password = `wrong password ${nth}`) =>
      postJson(`${pool.url}/api/auth/sign-in/email`, { email: eve.email, password }, from(`192.0.2.${nth}`))
    expect(await statuses(4, guess)).toEqual([401, 401, 401, 429])
    expect((await guess(9, PASSWORD)).status).toBe(429)
  })

  it('is not made of sign-ins that succeed', async () => {
    const bob = await signUp(pool, 'Bob')
    const signIn = () =>
      postJson(`${pool.url}/api/auth/sign-in/email`, { email: bob.email, password: PASSWORD })
    expect(await statuses(6, signIn)).toEqual([200, 200, 200, 200, 200, 200])
  })

  it('mailed to one address is refused, whether it has an account or not', async () => {
    for (const email of [ada.email, 'nobody@people.example']) {
      const ask = () => postJson(`${pool.url}/api/auth/request-password-reset`, { email })
      expect(await statuses(3, ask)).toEqual([200, 200, 429])
    }
  })

  it('of guests from one host is refused', async () => {
    const ask = () => postJson(`${pool.url}/api/auth/sign-in/anonymous`, {}, from('203.0.113.77'))
    expect(await statuses(4, ask)).toEqual([200, 200, 200, 429])
  })

  it('uploaded by agents of one host is refused', async () => {
    const agent = connectAgentPeer(pool.url)
    const enrolled = await agent.enrol()
    const put = (nth: number) => {
      const body = new Uint8Array(1024).fill(nth)
      const digest = createHash('sha256').update(body).digest('hex')
      const headers = { authorization: `Forge-Session ${enrolled.session}` }
      return fetch(`${pool.url}/api/v0/blobs/${digest}`, { method: 'PUT', body, headers })
    }
    expect(await statuses(3, put)).toEqual([201, 201, 429])
    agent.close()
  })

  it('of sockets opened by one host is refused before anything is read from them', async () => {
    const peers = Array.from({ length: 4 }, () => connectAgentPeer(pool.url, from('203.0.113.98')))
    const ended = await Promise.race(peers.map(({ closed }) => closed))
    expect(ended.code).toBe(1006)
    for (const peer of peers) peer.close()
  })
})

describe('every answer of the API', () => {
  it('allows nothing to be loaded or framed', async () => {
    const { headers } = await fetch(`${pool.url}/healthz`)
    expect(headers.get('content-security-policy')).toContain("default-src 'none'; frame-ancestors 'none'")
    expect(headers.get('strict-transport-security')).toBeNull()
  })
})
