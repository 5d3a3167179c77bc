import { createHash, randomBytes } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LIMITS } from '../../kernel/limits.ts'
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
