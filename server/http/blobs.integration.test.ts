import { createHash, randomBytes } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LIMITS } from '../../kernel/limits.ts'
import { CORE_LIMITS } from '../core/limits.ts'
import { connectAgentPeer } from './testing/agent-peer.ts'
import { type SignedUp, signUp } from './testing/sign-up.ts'
import { createTestPool, piContract, type RunningPool, type TestPool } from './testing/start-pool.ts'

let testPool: TestPool
let pool: RunningPool
let ada: SignedUp

beforeAll(async () => {
  testPool = await createTestPool()
  pool = await testPool.start()
  ada = await signUp(pool)
})
afterAll(() => testPool.dispose())

/** As Ada, unless other cookies are given. */
async function get(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...ada.headers, ...(init.headers as Record<string, string> | undefined) }
  return fetch(`${pool.url}${path}`, { ...init, headers })
}

async function call(path: string, init: RequestInit = {}) {
  const response = await get(path, init)
  const text = await response.text()
  const body: Record<string, unknown> = text === '' ? {} : JSON.parse(text)
  return { status: response.status, headers: response.headers, body }
}

function execute(body: string) {
  return call('/api/v0/ops/execute', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
}

describe('blobs', () => {
  const bytes = new Uint8Array(randomBytes(100_000))
  const digest = createHash('sha256').update(bytes).digest('hex')
  const url = `/api/v0/blobs/${digest}`

  it('are stored under their digest and read whole or in part', async () => {
    expect((await call(url)).status).toBe(404)
    const put = await call(url, { method: 'PUT', body: bytes })
    expect([put.status, put.body]).toEqual([201, { digest, bytes: bytes.length }])

    const whole = await get(url)
    expect(new Uint8Array(await whole.arrayBuffer())).toEqual(bytes)
    expect(whole.headers.get('etag')).toBe(`"${digest}"`)
    const head = await get(url, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '100000'])

    const part = await get(url, { headers: { range: 'bytes=10-19' } })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 10-19/100000'])
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(bytes.slice(10, 20))
    const tail = await get(url, { headers: { range: 'bytes=-5' } })
    expect(new Uint8Array(await tail.arrayBuffer())).toEqual(bytes.slice(-5))
    const beyond = await call(url, { headers: { range: 'bytes=100000-' } })
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */100000'])
    const same = await get(url, { headers: { 'if-none-match': `"${digest}"` } })
    expect(same.status).toBe(304)
  })

  it('are refused under a wrong digest, over the limit, or from a stranger', async () => {
    const other = `/api/v0/blobs/${'a'.repeat(64)}`
    const wrong = await call(other, { method: 'PUT', body: bytes })
    expect([wrong.status, wrong.body.error]).toMatchObject([422, { code: 'DIGEST_MISMATCH' }])
    expect((await call(other)).status).toBe(404)
    const stranger = await call(other, {
      method: 'PUT',
      body: bytes,
      headers: { cookie: '' },
    })
    expect([stranger.status, stranger.body.error]).toMatchObject([401, { code: 'UNAUTHENTICATED' }])
    const nobody = await call(other, {
      method: 'PUT',
      body: bytes,
      headers: { authorization: 'Forge-Session abc' },
    })
    expect([nobody.status, nobody.body.error]).toMatchObject([401, { code: 'UNAUTHENTICATED' }])
    const announced = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(
        {
          port: pool.port,
          host: '127.0.0.1',
          path: other,
          method: 'PUT',
          headers: { ...ada.headers, 'content-length': LIMITS.blob_bytes + 1 },
        },
        (response) => resolve(response.resume().statusCode),
      )
      request.on('error', reject)
      request.on('response', () => request.destroy())
      request.write('x')
    })
    expect(announced).toBe(413)
  })

  it('are nobody else’s business, unless a public job has them', async () => {
    const secret = new Uint8Array(randomBytes(64))
    const name = createHash('sha256').update(secret).digest('hex')
    const path = `/api/v0/blobs/${name}`
    await get(path, { method: 'PUT', body: secret })
    const eve = await signUp(pool, 'Eve')
    const statusFor = async (headers: Record<string, string>) => (await get(path, { headers })).status
    const visitor = { cookie: '' }
    const peer = connectAgentPeer(pool.url)
    const { session } = await peer.enrol()
    const agent = { authorization: `Forge-Session ${session}` }
    const everybody = async () => [
      await statusFor({}),
      await statusFor(eve.headers),
      await statusFor(visitor),
      await statusFor(agent),
    ]
    expect(await everybody()).toEqual([200, 404, 404, 200])

    const operand = { digest: name, dtype: 'int8', shape: [8, 8] }
    const product = {
      ...piContract('secret operands'),
      op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
      args: {},
      inputs: { a: operand, b: operand },
    }
    const stolen = eve.call('jobs.submit', { contract: product })
    await expect(stolen).rejects.toThrow('INPUT_MISSING')
    const missing = { ...product, inputs: { a: { ...operand, digest: 'f'.repeat(64) }, b: operand } }
    await expect(eve.call('jobs.submit', { contract: missing })).rejects.toThrow('INPUT_MISSING')

    const { id } = (await ada.call('jobs.submit', { contract: product })) as { id: string }
    expect(await everybody()).toEqual([200, 404, 404, 200])
    await ada.call('jobs.publish', { id, visibility: 'public' })
    expect(await everybody()).toEqual([200, 200, 200, 200])
    await ada.call('jobs.publish', { id, visibility: 'private' })
    expect(await everybody()).toEqual([200, 404, 404, 200])

    // Whoever has the bytes has shown it by sending them.
    await get(path, { method: 'PUT', body: secret, headers: eve.headers })
    expect(await everybody()).toEqual([200, 200, 404, 200])
    peer.close()
  })

  it('are kept from caches that do not ask who reads', async () => {
    expect((await get(url)).headers.get('cache-control')).toBe('private, no-cache')
  })

  it('of one owner have a limit together, also when they come side by side', async () => {
    const full = await signUp(pool, 'Full')
    const { rows } = await testPool.database.pool.query<{ id: string }>(
      'SELECT owners.id FROM owners JOIN users ON users.id = user_id WHERE email = $1',
      [full.email],
    )
    const left_bytes = 100
    await testPool.database.pool.query(
      `INSERT INTO blob_uploads (owner_id, digest, bytes) VALUES ($1, repeat('0', 64), $2)`,
      [rows[0]?.id, CORE_LIMITS.upload_bytes_per_owner - left_bytes],
    )
    const uploads = Array.from({ length: 4 }, (_, at) => new Uint8Array(40).fill(at))
    const statuses = await Promise.all(
      uploads.map(async (body) => {
        const digest = createHash('sha256').update(body).digest('hex')
        const answer = await get(`/api/v0/blobs/${digest}`, { method: 'PUT', body, headers: full.headers })
        return answer.status
      }),
    )
    expect(statuses.toSorted()).toEqual([201, 201, 413, 413])
  })

  it('must fit the operand that names them', async () => {
    const matmul = (a: unknown) =>
      JSON.stringify({
        ...piContract('m'),
        op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
        args: {},
        inputs: { a, b: { digest, dtype: 'int8', shape: [250, 400] } },
      })
    const missing = await execute(matmul({ digest: 'f'.repeat(64), dtype: 'int8', shape: [8, 250] }))
    expect(missing.body.error).toMatchObject({ code: 'INPUT_MISSING', path: 'inputs.a.digest' })
    const short = await execute(matmul({ digest, dtype: 'int8', shape: [399, 250] }))
    expect(short.body.error).toMatchObject({ code: 'INPUT_INVALID', path: 'inputs.a.shape' })
    const fits = await execute(matmul({ digest, dtype: 'int8', shape: [400, 250] }))
    expect(fits.status, JSON.stringify(fits.body)).toBe(202)
  })
})
