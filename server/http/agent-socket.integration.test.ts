import { request as httpRequest } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { contractHash, parseContract } from '../../kernel/contract.ts'
import { CLOSE } from '../../kernel/protocol.ts'
import { WIRE_LIMITS, wireEncoder } from '../../kernel/wire-encoder.ts'
import { AGENT_LIMITS } from './limits.ts'
import {
  agentUrl,
  type Closed,
  closeOf,
  connectAgentPeer,
  emptyResult,
  enrolmentOf,
} from './testing/agent-peer.ts'
import { beGuest, signUp } from './testing/sign-up.ts'
import { createTestPool, piContract, type RunningPool, type TestPool } from './testing/start-pool.ts'

let testPool: TestPool
let pool: RunningPool

beforeAll(async () => {
  testPool = await createTestPool()
  pool = await testPool.start()
})
afterAll(() => testPool.dispose())

/** Opens a socket, sends the frames, waits for the end. */
async function closeAfter(frames: readonly (Uint8Array | string)[]): Promise<Closed> {
  const socket = new WebSocket(agentUrl(pool.url))
  const closed = closeOf(socket)
  // In one piece, which the server looks at in one turn: or calls end before others come, where the machine is slow.
  socket.on('upgrade', ({ socket: line }) => {
    line.cork()
    socket.on('open', () => {
      for (const frame of frames) socket.send(frame)
      line.uncork()
    })
  })
  return closed
}

async function health(): Promise<unknown> {
  return (await fetch(`${pool.url}/healthz`)).json()
}

const envelope = (method: string, path: string, input: unknown, id: unknown = 1) =>
  wireEncoder.encode({ id, method, params: { path, input } })

describe('an agent', () => {
  it('enrols for its network, for the owner of its node token, or for who has signed in', async () => {
    const peer = connectAgentPeer(pool.url)
    const enrolled = await peer.enrol()
    expect(enrolled).toMatchObject({ owner: '127.0.0.0/24', epoch: pool.epoch })
    peer.close()

    const alice = await signUp(pool, 'Alice')
    const { token } = (await alice.call('nodeTokens.create', { name: 'server' })) as { token: string }
    const named = connectAgentPeer(pool.url)
    expect(await named.enrol({ owner_token: token })).toMatchObject({ owner: 'Alice' })
    named.close()

    const own = connectAgentPeer(pool.url, alice.headers)
    expect(await own.enrol()).toMatchObject({ owner: 'Alice' })
    own.close()

    const guest = connectAgentPeer(pool.url, (await beGuest(pool)).headers)
    expect(await guest.enrol()).toMatchObject({ owner: '127.0.0.0/24' })
    guest.close()

    const nobody = connectAgentPeer(pool.url)
    await expect(nobody.enrol({ owner_token: `fpnt_${'A'.repeat(43)}` })).rejects.toMatchObject({
      data: { httpStatus: 401, forge: { code: 'UNAUTHENTICATED' } },
    })
    nobody.close()
  })

  it('is sent away when its node token is revoked, and does not come back by it', async () => {
    const alice = await signUp(pool, 'Alice')
    const { token, view } = (await alice.call('nodeTokens.create', { name: 'farm' })) as {
      token: string
      view: { id: string }
    }
    const [farm, home] = [connectAgentPeer(pool.url), connectAgentPeer(pool.url, alice.headers)]
    const sessions = [(await farm.enrol({ owner_token: token })).session, (await home.enrol()).session]
    const ended = farm.hears(sessions[0] ?? '')
    const stays = home.hears(sessions[1] ?? '')
    await alice.call('nodeTokens.revoke', { id: view.id })
    expect((await ended).at(-1)).toEqual({ t: 'ended', reason: 'its node token was revoked' })
    await expect(farm.enrol({ owner_token: token })).rejects.toMatchObject({
      data: { forge: { code: 'UNAUTHENTICATED', message: expect.stringContaining('revoked') } },
    })
    expect(await Promise.race([stays, Promise.resolve('still there')])).toBe('still there')
    farm.close()
    home.close()
  })

  it('is of the network that a trusted proxy reports, and of the proxy’s when it reports none', async () => {
    const from = async (address: string) => {
      const peer = connectAgentPeer(pool.url, { 'x-forwarded-for': address })
      const { owner } = await peer.enrol()
      peer.close()
      return owner
    }
    expect(await from('203.0.113.7')).toBe('203.0.113.0/24')
    expect(await from('1.2.3.4, 2001:db8:7::1')).toBe('2001:db8:7::/48')
    expect(await from('not an address')).toBe('127.0.0.0/24')
  })

  it('confirms nobody who speaks from its own network, whoever their accounts are', async () => {
    const submitter = await signUp(pool)
    const headers = { 'content-type': 'application/json', ...submitter.headers }
    const submitted = await fetch(`${pool.url}/api/v0/ops/execute`, {
      method: 'POST',
      headers,
      body: JSON.stringify(piContract('networks')),
    })
    const { id } = (await submitted.json()) as { id: string }
    const from = async (name: string, address: string) => {
      const { headers } = await signUp(pool, name)
      const peer = connectAgentPeer(pool.url, { ...headers, 'x-forwarded-for': address })
      return { peer, session: (await peer.enrol()).session }
    }
    const ann = await from('Ann', '203.0.113.7')
    const ben = await from('Ben', '203.0.113.200')
    const cem = await from('Cem', '198.51.100.7')
    expect(await ann.peer.firstLease(ann.session)).toMatchObject({ data: { job_id: id, first: 0 } })
    const leases = [ben, cem].map(async (one) => {
      await one.peer.firstLease(one.session)
      return one
    })
    // Of one shard two copies are asked for, and Ann has one: Ben, who was there first, is not asked.
    expect(await Promise.race(leases)).toBe(cem)
    const gone = [ann, ben, cem].map(({ peer }) => peer.closed)
    for (const { peer } of [ann, ben, cem]) peer.close()
    await Promise.all(gone)
    await fetch(`${pool.url}/api/v0/jobs/${id}/cancel`, { method: 'POST', headers })
  })

  it('is offered a lease of a submitted job and may fetch its contract', async () => {
    const contract = piContract('lease')
    const submitted = await fetch(`${pool.url}/api/v0/ops/execute`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(await signUp(pool)).headers },
      body: JSON.stringify(contract),
    })
    expect(submitted.status).toBe(202)
    const peer = connectAgentPeer(pool.url)
    const { session } = await peer.enrol()
    const { id, data } = await peer.firstLease(session)
    const hash = contractHash(parseContract(contract))
    expect(id).not.toBe('')
    expect(data).toMatchObject({ t: 'lease', epoch: pool.epoch, contract_hash: hash, first: 0 })
    const { canonical } = (await peer.call('query', 'hub.contract', { session, contract_hash: hash })) as {
      canonical: string
    }
    expect(JSON.parse(canonical)).toMatchObject({ op: contract.op, args: contract.args })

    const blob = await fetch(
      `${pool.url}/api/v0/blobs/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824`,
      {
        method: 'PUT',
        headers: { authorization: `Forge-Session ${session}` },
        body: 'hello',
      },
    )
    expect(blob.status).toBe(201)
    peer.close()
  })

  it('hears of a lease it does not hold, and stays connected', async () => {
    const peer = connectAgentPeer(pool.url)
    const { session } = await peer.enrol()
    expect(await peer.call('mutation', 'hub.result', emptyResult(session))).toEqual({ outcome: 'not_held' })
    await expect(
      peer.call('query', 'hub.contract', { session, contract_hash: '0'.repeat(64) }),
    ).rejects.toMatchObject({
      data: { forge: { code: 'NOT_FOUND' } },
    })
    await expect(
      peer.call('query', 'hub.contract', { session: 'none', contract_hash: '0'.repeat(64) }),
    ).rejects.toMatchObject({
      data: { forge: { code: 'UNAUTHENTICATED' } },
    })
    expect(
      await peer.call('mutation', 'hub.release', { session, lease_ids: ['x'], reason: 'paused' }),
    ).toBeUndefined()
    peer.close()
  })
})

describe('an agent that breaks the protocol is disconnected with a reason', () => {
  const malformed: readonly { what: string; frames: readonly (Uint8Array | string)[] }[] = [
    { what: 'random bytes', frames: [new Uint8Array([0xc1, 1, 2, 3])] },
    { what: 'an empty frame', frames: [new Uint8Array(0)] },
    { what: 'text', frames: ['{"id":1,"method":"query"}'] },
    { what: 'a value that is no call', frames: [wireEncoder.encode(7)] },
    {
      what: 'a batch of calls',
      frames: [wireEncoder.encode([{ id: 1, method: 'query', params: { path: 'hub.contract' } }])],
    },
    { what: 'an unknown procedure', frames: [envelope('mutation', 'hub.shutdown', {})] },
    { what: "the site's procedures", frames: [envelope('mutation', 'jobs.submit', {})] },
    { what: 'a mutation asked as a query', frames: [envelope('query', 'hub.enrol', {})] },
    { what: 'a call without an id', frames: [envelope('mutation', 'hub.release', {}, null)] },
    {
      what: 'an unknown field',
      frames: [wireEncoder.encode({ id: 1, method: 'subscription.stop', extra: 1 })],
    },
    { what: 'an input of the wrong shape', frames: [envelope('mutation', 'hub.enrol', { v: 1 })] },
    {
      what: 'a result with a field too many',
      frames: [envelope('mutation', 'hub.result', { ...emptyResult('s'), extra: true })],
    },
    { what: 'another version', frames: [envelope('mutation', 'hub.result', { ...emptyResult('s'), v: 1 })] },
    { what: 'connection parameters', frames: [wireEncoder.encode({ method: 'connectionParams', data: {} })] },
    {
      what: 'an id that is in use',
      frames: [envelope('query', 'hub.contract', {}), envelope('query', 'hub.contract', {})],
    },
  ]
  it.each(malformed)('$what', async ({ frames }) => {
    const { code, reason } = await closeAfter(frames)
    expect(code).toBe(CLOSE.malformed)
    expect(reason).not.toBe('')
    expect(await health()).toEqual({ ok: true, epoch: pool.epoch })
  })

  it('a frame over the limit', async () => {
    expect((await closeAfter([new Uint8Array(WIRE_LIMITS.frame_bytes + 1)])).code).toBe(1009)
    expect(await health()).toMatchObject({ ok: true })
  })

  it('more messages than the rate allows', async () => {
    const stop = wireEncoder.encode({ id: 1, method: 'subscription.stop' })
    const flood = Array.from({ length: AGENT_LIMITS.messages_burst * 2 }, () => stop)
    expect(await closeAfter(flood)).toEqual({ code: CLOSE.too_many, reason: 'too many messages' })
    const pings = Array.from({ length: AGENT_LIMITS.messages_burst * 2 }, () => 'PING')
    expect((await closeAfter(pings)).code).toBe(CLOSE.too_many)
  })

  it('more open calls than the hub keeps', async () => {
    const frames = Array.from({ length: AGENT_LIMITS.enrolments_per_socket + 1 }, (_, id) =>
      envelope('mutation', 'hub.enrol', enrolmentOf(), id),
    )
    expect(await closeAfter(frames)).toEqual({
      code: CLOSE.too_many,
      reason: 'too many enrolments on one connection',
    })
    const leases = Array.from({ length: AGENT_LIMITS.subscriptions + 1 }, (_, id) =>
      envelope('subscription', 'hub.leases', { session: 'none' }, id),
    )
    expect(await closeAfter(leases)).toEqual({
      code: CLOSE.too_many,
      reason: 'too many open calls on one connection',
    })
  })

  it('more connections than one address may have', async () => {
    const sockets = Array.from(
      { length: AGENT_LIMITS.sockets_per_host + 1 },
      () => new WebSocket(agentUrl(pool.url)),
    )
    const ends = sockets.map(closeOf)
    const refused = await Promise.race(ends)
    for (const socket of sockets) socket.terminate()
    await Promise.all(ends)
    expect(refused).toEqual({ code: CLOSE.too_many, reason: 'too many connections from this address' })
  })

  it('never answers with a stack, and logs nothing as an error', () => {
    expect(testPool.complaints).toEqual([])
  })
})

describe('an upgrade', () => {
  const status = (path: string, headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest({
        host: '127.0.0.1',
        port: pool.port,
        path,
        headers: {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
          ...headers,
        },
      })
      request.on('upgrade', (response, socket) => {
        socket.destroy()
        resolve(response.statusCode)
      })
      request.on('response', (response) => resolve(response.resume().statusCode))
      request.on('error', reject)
      request.end()
    })

  it('is taken from the same origin and from programs, and refused from other sites and paths', async () => {
    expect(await status('/agent', {})).toBe(101)
    expect(await status('/agent', { origin: pool.url })).toBe(101)
    expect(await status('/agent', { origin: 'http://evil.example' })).toBe(403)
    expect(await status('/live/network@1', { origin: 'http://evil.example' })).toBe(403)
    expect(await status('/agent?connectionParams=1', {})).toBe(404)
    expect(await status('/agent/', {})).toBe(404)
    expect(await status('/_next/hmr', {})).toBe(404)
  })
})

describe('random frames', () => {
  /** Bytes, well-formed values, and calls that are right but for one part. */
  const frame = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ maxLength: 100 }),
    fc.jsonValue({ maxDepth: 4 }).map((value) => wireEncoder.encode(value)),
    fc
      .record({
        id: fc.oneof(fc.integer(), fc.string(), fc.constant(null)),
        method: fc.constantFrom('query', 'mutation', 'subscription', 'subscription.stop', 'reconnect'),
        path: fc.oneof(
          fc.constantFrom('hub.enrol', 'hub.leases', 'hub.contract', 'hub.result', 'hub.release'),
          fc.string(),
        ),
        input: fc.oneof(
          fc.jsonValue({ maxDepth: 3 }),
          fc.constant(emptyResult('s')),
          fc.record({
            session: fc.string(),
            contract_hash: fc.string(),
            lease_ids: fc.array(fc.string(), { maxLength: 4 }),
          }),
        ),
      })
      .map(({ id, method, path, input }) => wireEncoder.encode({ id, method, params: { path, input } })),
  )

  it('never hurt the hub: every socket ends with a code and a reason, the server stays healthy', async () => {
    const seed = Date.now() & 0x7fffffff
    console.log(`agent-socket fuzz seed ${seed}`)
    let ended = 0
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 8 }), async (frames) => {
        // The last frame is malformed for certain, so that every run ends by the server's decision.
        const { code, reason } = await closeAfter([...frames, new Uint8Array([0xc1])])
        expect([CLOSE.malformed, CLOSE.too_many, CLOSE.too_large]).toContain(code)
        expect(reason.length).toBeGreaterThan(0)
        expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123)
        ended++
      }),
      { seed, numRuns: 200 },
    )
    expect(ended).toBe(200)
    expect(await health()).toEqual({ ok: true, epoch: pool.epoch })
    const peer = connectAgentPeer(pool.url)
    expect(await peer.enrol()).toMatchObject({ epoch: pool.epoch })
    peer.close()
    expect(testPool.complaints).toEqual([])
  })
})
