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

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

/** As Ada, unless other cookies are given. */
async function call(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${pool.url}${path}`, {
    ...init,
    headers: { ...ada.headers, ...(init.headers as Record<string, string> | undefined) },
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) }
}

function execute(
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return call('/api/v0/ops/execute', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  })
}

async function storedJobs(): Promise<number> {
  const { rows } = await testPool.database.pool.query<{ n: number }>('SELECT count(*)::int AS n FROM jobs')
  return rows[0]?.n ?? -1
}

describe('a contract over REST', () => {
  it('is accepted, repeated by its idempotency key, and read back', async () => {
    const body = JSON.stringify(piContract('rest'))
    const first = await execute(body, { 'idempotency-key': 'rest-1' })
    expect(first.status).toBe(202)
    expect(first.body).toMatchObject({
      created: true,
      url: `/api/v0/jobs/${first.body.id}`,
      page: `/jobs/${first.body.id}`,
    })
    expect(first.headers.get('location')).toBe(first.body.url)

    const again = await execute(body, { 'idempotency-key': 'rest-1' })
    expect(again.body).toMatchObject({ id: first.body.id, created: false })

    const other = await execute(JSON.stringify(piContract('another')), { 'idempotency-key': 'rest-1' })
    expect(other.status).toBe(409)
    expect(other.body.error).toMatchObject({ code: 'CONFLICT', path: 'idempotency_key' })

    const job = await call(String(first.body.url))
    expect(job.status).toBe(200)
    expect(job.body).toMatchObject({ id: first.body.id, op: 'mc@1/pi.v1', verify: 'quorum 2', result: null })
    const cancelled = await call('/api/trpc/jobs.cancel', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: first.body.id }),
    })
    expect(cancelled.body).toEqual({ result: { data: { state: 'cancelled' } } })
  })

  it('takes the priority that its owner gives it, as tRPC does', async () => {
    const send = (query: string, seed: string) =>
      call(`/api/v0/ops/execute${query}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(piContract(seed)),
      })
    const priorityOf = async ({ body }: Awaited<ReturnType<typeof send>>) =>
      (await call(`/api/v0/jobs/${body.id}`)).body.priority
    expect(await priorityOf(await send('?priority=high&replay=never', 'high'))).toBe('high')
    expect(await priorityOf(await send('?priority=low', 'low'))).toBe('low')
    expect(await priorityOf(await send('', 'neither'))).toBe('normal')
    for (const query of ['?priority=urgent', '?priority=', '?urgency=high']) {
      const { status, body } = await send(query, 'no priority')
      expect(status).toBe(400)
      expect(body.error).toMatchObject({ code: 'MESSAGE_INVALID' })
    }
  })

  it('answers 404 for a job that is not there', async () => {
    for (const id of ['nonsense', '00000000-0000-4000-8000-000000000000', '%00']) {
      const { status, body } = await call(`/api/v0/jobs/${id}`)
      expect(status, id).toBe(404)
      expect(body.error).toMatchObject({ code: 'NOT_FOUND', retryable: false })
    }
  })
})

describe('bad input', () => {
  const change = (patch: Record<string, unknown>) => JSON.stringify({ ...piContract('bad'), ...patch })
  const JSON_TYPE = { 'content-type': 'application/json' }
  const cases: readonly {
    what: string
    body: string | Uint8Array<ArrayBuffer>
    headers?: Record<string, string>
    status: number
    code: string
    path?: string
  }[] = [
    {
      what: 'an unknown op',
      body: change({ op: { name: 'mc', version: 1, profile: 'nope.v1' } }),
      status: 400,
      code: 'UNKNOWN_OP',
      path: 'op',
    },
    {
      what: 'an argument out of range',
      body: change({ args: { points: -1 } }),
      status: 400,
      code: 'ARGS_OUT_OF_RANGE',
      path: 'args.points',
    },
    {
      what: 'a huge count',
      body: change({ args: { points: 1e300 } }),
      status: 400,
      code: 'ARGS_OUT_OF_RANGE',
      path: 'args.points',
    },
    {
      what: 'an unknown field',
      body: change({ args: { points: 4_194_304, extra: 1 } }),
      status: 400,
      code: 'ARGS_OUT_OF_RANGE',
      path: 'args.extra',
    },
    {
      what: 'NaN',
      body: change({}).replace(/"points":\d+/, '"points":NaN'),
      status: 400,
      code: 'JSON_INVALID',
    },
    {
      what: 'an overflowing number',
      body: change({}).replace(/"points":\d+/, '"points":1e999'),
      status: 400,
      code: 'JSON_INVALID',
      path: 'args.points',
    },
    {
      what: 'a missing verify',
      body: change({ verify: undefined }),
      status: 400,
      code: 'CONTRACT_INVALID',
      path: 'verify',
    },
    {
      what: 'a check that the op has not',
      body: change({ verify: { mode: 'algebraic' } }),
      status: 400,
      code: 'CONTRACT_INVALID',
      path: 'verify.mode',
    },
    {
      what: 'an operand the op has not',
      body: change({ inputs: { a: { digest: '0'.repeat(64), dtype: 'int8', shape: [1] } } }),
      status: 400,
      code: 'INPUT_INVALID',
      path: 'inputs.a',
    },
    {
      what: 'duplicate keys',
      body: `{"contract":1,${change({}).slice(1)}`,
      status: 400,
      code: 'JSON_DUPLICATE_KEY',
      path: 'contract',
    },
    {
      what: 'a duplicate key deep inside',
      body: change({}).replace('"points":', '"points":1,"points":'),
      status: 400,
      code: 'JSON_DUPLICATE_KEY',
      path: 'args.points',
    },
    { what: 'no JSON', body: 'contract=1', status: 400, code: 'JSON_INVALID' },
    { what: 'nothing', body: '', status: 400, code: 'JSON_INVALID' },
    {
      what: 'bytes that are not UTF-8',
      body: new Uint8Array([0x22, 0xff, 0x22]),
      status: 400,
      code: 'JSON_INVALID',
    },
    { what: 'a number for a contract', body: '1', status: 400, code: 'CONTRACT_INVALID' },
    {
      what: 'a body over the limit',
      body: `"${'x'.repeat(LIMITS.contract_bytes)}"`,
      status: 413,
      code: 'TOO_LARGE',
    },
    {
      what: 'a body far over the limit',
      body: `"${'x'.repeat(LIMITS.contract_bytes * 8)}"`,
      status: 413,
      code: 'TOO_LARGE',
    },
    {
      what: 'a form',
      body: 'contract=1',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
    },
    {
      what: 'text',
      body: change({}),
      headers: { 'content-type': 'text/plain' },
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
    },
    {
      what: 'another character set',
      body: change({}),
      headers: { 'content-type': 'application/json; charset=latin1' },
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
    },
    {
      what: 'a compressed body',
      body: change({}),
      headers: { ...JSON_TYPE, 'content-encoding': 'gzip' },
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
    },
    {
      what: 'a blank in the idempotency key',
      body: change({}),
      headers: { 'idempotency-key': 'a b' },
      status: 400,
      code: 'MESSAGE_INVALID',
      path: 'idempotency_key',
    },
    {
      what: 'another site',
      body: change({}),
      headers: { origin: 'http://evil.example' },
      status: 403,
      code: 'FORBIDDEN',
    },
    {
      what: 'a sandboxed frame',
      body: change({}),
      headers: { origin: 'null' },
      status: 403,
      code: 'FORBIDDEN',
    },
    {
      what: 'a cross-site fetch',
      body: change({}),
      headers: { 'sec-fetch-site': 'cross-site' },
      status: 403,
      code: 'FORBIDDEN',
    },
    {
      what: 'somebody who has not signed in',
      body: change({}),
      headers: { cookie: '' },
      status: 401,
      code: 'UNAUTHENTICATED',
    },
    {
      what: 'cookies of a session that is none',
      body: change({}),
      headers: { cookie: 'forge.session_token=abc.def' },
      status: 401,
      code: 'UNAUTHENTICATED',
    },
    {
      what: 'a key that names nobody',
      body: change({}),
      headers: { authorization: `Bearer fpak_${'A'.repeat(43)}` },
      status: 401,
      code: 'UNAUTHENTICATED',
    },
    {
      what: 'a node token in the place of a key',
      body: change({}),
      headers: { authorization: `Bearer fpnt_${'A'.repeat(43)}` },
      status: 401,
      code: 'UNAUTHENTICATED',
    },
  ]

  it.each(cases)('refuses $what and stores nothing', async ({ body, headers, status, code, path }) => {
    const before = await storedJobs()
    const answer = await execute(body, headers)
    expect(answer.body.error, JSON.stringify(answer.body)).toMatchObject({
      code,
      ...(path === undefined ? {} : { path }),
      message: expect.any(String),
      hint: expect.any(String),
      retryable: false,
    })
    expect(answer.status).toBe(status)
    expect(JSON.stringify(answer.body)).not.toMatch(/\.ts:|node_modules|at .*\(/)
    expect(await storedJobs()).toBe(before)
  })

  it('refuses a name that was made to resolve to this machine', async () => {
    const answer = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      const request = httpRequest(
        {
          port: pool.port,
          host: '127.0.0.1',
          path: '/api/v0/ops/execute',
          method: 'POST',
          headers: {
            host: `evil.example:${pool.port}`,
            origin: `http://evil.example:${pool.port}`,
            'content-type': 'application/json',
          },
        },
        async (response) => {
          let text = ''
          for await (const chunk of response) text += chunk
          resolve({ status: response.statusCode, text })
        },
      )
      request.on('error', reject)
      request.end(JSON.stringify(piContract('rebinding')))
    })
    // The browser has no cookie for that name, whatever it resolves to.
    expect(answer.status).toBe(401)
    expect(JSON.parse(answer.text).error.code).toBe('UNAUTHENTICATED')
  })

  it('says which method and which paths there are', async () => {
    const wrong = await call('/api/v0/ops/execute')
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([404, 'POST'])
    expect((await call('/api/v0/nothing')).body.error).toMatchObject({
      code: 'NOT_FOUND',
      hint: expect.stringContaining('/api/v0/ops/execute'),
    })
  })
})

describe('tRPC over HTTP', () => {
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    call(`/api/trpc/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    })

  it('gives the error in full under data.forge, with its status and no stack', async () => {
    const { status, body } = await post(
      'jobs.submit',
      JSON.stringify({ contract: { ...piContract('t'), args: { points: -1 } } }),
    )
    expect(status).toBe(400)
    expect(body.error).toMatchObject({
      data: {
        code: 'BAD_REQUEST',
        httpStatus: 400,
        path: 'jobs.submit',
        forge: { code: 'ARGS_OUT_OF_RANGE', path: 'args.points', retryable: false },
      },
    })
    expect(JSON.stringify(body)).not.toContain('stack')
  })

  it('is as strict as REST about bodies', async () => {
    const contract = JSON.stringify(piContract('t'))
    const before = await storedJobs()
    const twice = await post(
      'jobs.submit',
      `{"contract":${contract.replace('"points":', '"points":1,"points":')}}`,
    )
    expect(twice.status).toBe(400)
    expect(twice.body.error).toMatchObject({
      data: { forge: { code: 'JSON_DUPLICATE_KEY', path: 'contract.args.points' } },
    })
    const form = await post('jobs.submit', 'contract=1', {
      'content-type': 'application/x-www-form-urlencoded',
    })
    expect(form.status).toBe(415)
    const large = await post('jobs.submit', `{"contract":"${'x'.repeat(300_000)}"}`)
    expect([large.status, large.body.error]).toMatchObject([413, { data: { forge: { code: 'TOO_LARGE' } } }])
    const calls = Array.from({ length: 17 }, () => 'network.stats').join(',')
    expect((await call(`/api/trpc/${calls}?batch=1&input=%7B%7D`)).status).toBe(400)
    expect((await call('/api/trpc/no.such')).body.error).toMatchObject({
      data: { forge: { code: 'NOT_FOUND' } },
    })
    expect(await storedJobs()).toBe(before)
  })

  it('quotes by POST, where a contract does not fit into a URL', async () => {
    const { status, body } = await post('jobs.quote', JSON.stringify({ contract: piContract('quote') }))
    expect(status).toBe(200)
    expect(body.result).toMatchObject({ data: { op: 'mc@1/pi.v1', copies: 2, leaf_kind: 'inline' } })
  })

  it('pages through jobs without losing or repeating one', async () => {
    const ids: unknown[] = []
    for (let i = 0; i < 5; i++) ids.push((await execute(JSON.stringify(piContract(`page ${i}`)))).body.id)
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const input: string = encodeURIComponent(JSON.stringify({ limit: 2, cursor }))
      const { body } = await call(`/api/trpc/jobs.list?input=${input}`)
      const page = (body.result as { data: { items: { id: string }[]; next_cursor: string | null } }).data
      seen.push(...page.items.map((item) => item.id))
      cursor = page.next_cursor
    } while (cursor !== null)
    expect(seen.slice(0, 5)).toEqual([...ids].reverse())
    expect(new Set(seen).size).toBe(seen.length)
    const bad = await call(`/api/trpc/jobs.list?input=${encodeURIComponent('{"cursor":"abc"}')}`)
    expect(bad.body.error).toMatchObject({ data: { forge: { code: 'MESSAGE_INVALID', path: 'cursor' } } })
  })
})

describe('every answer', () => {
  it('carries the security headers', async () => {
    const { headers } = await call('/healthz')
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('x-powered-by')).toBeNull()
  })
})
