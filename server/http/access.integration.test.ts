import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { appRouter } from '../trpc/router.ts'
import { connectAgentPeer } from './testing/agent-peer.ts'
import { createTestPool, piContract, type RunningPool, type TestPool } from './testing/start-pool.ts'

/**
 * Every procedure and route as each kind of actor. A procedure that is added and not listed here fails the test.
 */

let testPool: TestPool
let pool: RunningPool
let session: string
let closeAgent: () => void

beforeAll(async () => {
  testPool = await createTestPool()
  pool = await testPool.start()
  const agent = connectAgentPeer(pool.url)
  session = (await agent.enrol()).session
  closeAgent = agent.close
})
afterAll(async () => {
  closeAgent()
  await testPool.dispose()
})

const BLOB = 'a blob'
const DIGEST = createHash('sha256').update(BLOB).digest('hex')
const NO_JOB = '00000000-0000-4000-8000-000000000000'

type Who = 'local' | 'visitor' | 'agent'

interface Row {
  readonly what: string
  readonly allowed: readonly Who[]
  readonly path: string
  readonly init: RequestInit
}

const JSON_HEADERS = { 'content-type': 'application/json' }

function procedure(what: string, allowed: readonly Who[], input: unknown): Row {
  const init = { method: 'POST', headers: JSON_HEADERS, body: JSON.stringify(input) }
  return { what, allowed, path: `/api/trpc/${what}`, init }
}

// An agent's session means nothing to the API: with it the caller is whoever he is without.
const PROCEDURES: readonly Row[] = [
  procedure('jobs.quote', ['local', 'visitor'], { contract: piContract('access') }),
  procedure('jobs.submit', ['local'], { contract: piContract('access') }),
  procedure('jobs.get', ['local', 'visitor'], { id: NO_JOB }),
  procedure('jobs.proof', ['local', 'visitor'], { id: NO_JOB }),
  procedure('jobs.list', ['local', 'visitor'], {}),
  procedure('jobs.cancel', ['local'], { id: NO_JOB }),
  procedure('network.stats', ['local', 'visitor'], undefined),
  procedure('network.epoch', ['local', 'visitor'], undefined),
  procedure('agents.list', ['local', 'visitor'], undefined),
  procedure('agents.createOwnerToken', ['local'], { label: 'access' }),
]

const ROUTES: readonly Row[] = [
  {
    what: 'POST /api/v0/ops/execute',
    allowed: ['local'],
    path: '/api/v0/ops/execute',
    init: { method: 'POST', headers: JSON_HEADERS, body: JSON.stringify(piContract('access')) },
  },
  { what: 'GET /api/v0/jobs/{id}', allowed: ['local', 'visitor'], path: `/api/v0/jobs/${NO_JOB}`, init: {} },
  {
    what: 'PUT /api/v0/blobs/{sha256}',
    allowed: ['local', 'agent'],
    path: `/api/v0/blobs/${DIGEST}`,
    init: { method: 'PUT', body: BLOB },
  },
  {
    what: 'GET /api/v0/blobs/{sha256}',
    allowed: ['local', 'visitor', 'agent'],
    path: `/api/v0/blobs/${DIGEST}`,
    init: {},
  },
  {
    what: 'HEAD /api/v0/blobs/{sha256}',
    allowed: ['local', 'visitor', 'agent'],
    path: `/api/v0/blobs/${DIGEST}`,
    init: { method: 'HEAD' },
  },
  { what: 'GET /healthz', allowed: ['local', 'visitor', 'agent'], path: '/healthz', init: {} },
]

/** A stranger comes through a proxy that reports his address; an agent is a stranger with a session. */
function headersOf(who: Who): Record<string, string> {
  if (who === 'local') return {}
  const stranger = { 'x-forwarded-for': '203.0.113.7' }
  return who === 'visitor' ? stranger : { ...stranger, authorization: `Forge-Session ${session}` }
}

async function statusOf(row: Row, who: Who): Promise<number> {
  const headers = { ...(row.init.headers as Record<string, string> | undefined), ...headersOf(who) }
  const response = await fetch(pool.url + row.path, { ...row.init, headers })
  await response.arrayBuffer()
  return response.status
}

describe('who may do what', () => {
  it('is stated for every procedure there is', () => {
    expect(PROCEDURES.map((row) => row.what).sort()).toEqual(Object.keys(appRouter._def.procedures).sort())
  })

  const cells = [...PROCEDURES, ...ROUTES].flatMap((row) =>
    (['local', 'visitor', 'agent'] as const).map((who) => {
      const like =
        who === 'agent' && !row.path.startsWith('/api/v0/blobs/') && row.path !== '/healthz' ? 'visitor' : who
      return { what: row.what, who, row, allowed: row.allowed.includes(like) }
    }),
  )
  it.each(cells)('$what as $who: $allowed', async ({ row, who, allowed }) => {
    const status = await statusOf(row, who)
    if (allowed) expect([200, 201, 202, 404]).toContain(status)
    else expect(status).toBe(403)
  })
})
