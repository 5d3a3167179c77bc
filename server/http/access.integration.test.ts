import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { ActorKind } from '../core/actor.ts'
import { type Action, RULES } from '../core/authorise.ts'
import { PATIENCE } from '../memory/testing/patience.ts'
import { appRouter } from '../trpc/router.ts'
import { AUTH_ROUTES } from './auth-route.ts'
import { REST_ROUTES } from './rest-routes.ts'
import { connectAgentPeer } from './testing/agent-peer.ts'
import { beGuest, PASSWORD, type SignedUp, signIn, signUp } from './testing/sign-up.ts'
import { createTestPool, piContract, type RunningPool, type TestPool } from './testing/start-pool.ts'

/**
 * Every procedure and route as each kind of actor, and done to another person's things. A procedure that is added and
 * not listed here fails the test.
 */

const BLOB = 'a blob'
const DIGEST = createHash('sha256').update(BLOB).digest('hex')
const PARTNER = 'https://tides.example'
const NOWHERE = '00000000-0000-4000-8000-000000000000'
const JSON_HEADERS = { 'content-type': 'application/json' }

let testPool: TestPool
let pool: RunningPool
let ada: SignedUp
/** What each kind of actor sends. */
let headersOf: Readonly<Record<ActorKind, Readonly<Record<string, string>>>>
/** Another person, a key of hers, a guest, and nobody. */
let strangers: readonly { readonly kind: ActorKind; readonly headers: Readonly<Record<string, string>> }[]
/** Things of Ada's. */
const own = {
  job: '',
  settled: '',
  key: '',
  nodeToken: '',
  device: '',
  session: '',
  site: '',
  siteKey: '',
  blob: DIGEST,
}
let closeAgent: () => void

beforeAll(async () => {
  testPool = await createTestPool()
  pool = await testPool.start()
  const agent = connectAgentPeer(pool.url)
  const enrolled = await agent.enrol()
  closeAgent = agent.close
  ada = await signUp(pool)
  const key = async (person: SignedUp) =>
    (await person.call('keys.create', { name: 'access' })) as { token: string; view: { id: string } }
  const adas = await key(ada)
  headersOf = {
    user: ada.headers,
    guest: (await beGuest(pool)).headers,
    key: { authorization: `Bearer ${adas.token}` },
    agent: { authorization: `Forge-Session ${enrolled.session}` },
    visitor: {},
  }
  const eve = await signUp(pool, 'Eve')
  strangers = [
    { kind: 'user', headers: eve.headers },
    { kind: 'key', headers: { authorization: `Bearer ${(await key(eve)).token}` } },
    { kind: 'guest', headers: headersOf.guest },
    { kind: 'visitor', headers: {} },
  ]
  own.settled = (
    (await ada.call('jobs.submit', { contract: { ...piContract('settled'), verify: { mode: 'none' } } })) as {
      id: string
    }
  ).id
  // It listens on, so that the hub keeps its session however long the table takes.
  agent.work(enrolled, 1)
  await vi.waitFor(
    async () => expect(await ada.call('jobs.get', { id: own.settled })).toMatchObject({ state: 'settled' }),
    PATIENCE,
  )
  await vi.waitFor(
    async () =>
      expect(
        (await fetch(`${pool.url}/api/v0/jobs/${own.settled}/evidence`, { headers: ada.headers })).status,
      ).toBe(200),
    PATIENCE,
  )
  own.job = ((await ada.call('jobs.submit', { contract: piContract('own') })) as { id: string }).id
  own.key = (await key(ada)).view.id
  const elsewhere = await signIn(pool, ada)
  const { items } = (await elsewhere.call('account.sessions', undefined)) as {
    items: { id: string; current: boolean }[]
  }
  own.session = items.find(({ current }) => current)?.id ?? ''
  own.nodeToken = (
    (await ada.call('nodeTokens.create', { name: 'access' })) as { view: { id: string } }
  ).view.id
  const settings = { name: 'Tides', allowed_origins: [PARTNER] }
  const site = (await ada.call('sites.create', settings)) as { id: string; site_key: string }
  Object.assign(own, { site: site.id, siteKey: site.site_key })
  const { token } = (await ada.call('nodeTokens.create', { name: 'device' })) as { token: string }
  const device = connectAgentPeer(pool.url)
  own.device = (await device.enrol({ owner_token: token })).agent_id
  device.close()
  await fetch(`${pool.url}/api/v0/blobs/${DIGEST}`, { method: 'PUT', body: BLOB, headers: ada.headers })
})
afterAll(async () => {
  closeAgent()
  await testPool.dispose()
})

interface Row {
  readonly what: string
  readonly action: Action
  readonly path: () => string
  readonly init: () => RequestInit
  /** It ends the caller's session: it is done by somebody made for it. */
  readonly isLast?: boolean
}

function procedure(what: string, action: Action, input: () => unknown = () => undefined): Row {
  const init = () => ({ method: 'POST', headers: JSON_HEADERS, body: JSON.stringify(input()) })
  return { what, action, path: () => `/api/trpc/${what}`, init }
}

const contract = piContract('access')
/** Of the right shape; the challenge was never made. */
const NO_CLAIM = { public_key: 'a'.repeat(64), nonce: 'n'.repeat(43), signature: 'b'.repeat(128) }

/** Things are Ada's, so that the rows can be repeated as somebody else; what would end them comes last. */
const PROCEDURES: readonly Row[] = [
  procedure('jobs.quote', 'jobs.quote', () => ({ contract })),
  procedure('jobs.submit', 'jobs.submit', () => ({ contract, idempotency_key: 'access' })),
  procedure('jobs.get', 'jobs.read', () => ({ id: own.job })),
  procedure('jobs.proof', 'jobs.read', () => ({ id: own.settled })),
  procedure('jobs.list', 'jobs.list', () => ({})),
  procedure('jobs.listPublic', 'jobs.list_public', () => ({})),
  procedure('jobs.publish', 'jobs.publish', () => ({ id: own.job, visibility: 'private' })),
  procedure('jobs.pause', 'jobs.steer', () => ({ id: own.job })),
  procedure('jobs.resume', 'jobs.steer', () => ({ id: own.job })),
  procedure('jobs.prioritise', 'jobs.steer', () => ({ id: own.job, priority: 'high' })),
  procedure('jobs.cancel', 'jobs.cancel', () => ({ id: own.job })),
  procedure('network.stats', 'network.read'),
  procedure('ledger.get', 'network.read'),
  procedure('agents.list', 'agents.read'),
  procedure('account.me', 'account.read'),
  procedure('account.sessions', 'account.manage'),
  procedure('account.endSession', 'account.manage', () => ({ id: own.session })),
  { ...procedure('account.signOutEverywhere', 'account.manage'), isLast: true },
  { ...procedure('account.erase', 'account.manage', () => ({ password: PASSWORD })), isLast: true },
  procedure('guest.runExample', 'jobs.run_example', () => ({ example: 'pi' })),
  procedure('credits.balance', 'credits.read'),
  procedure('credits.statement', 'credits.read', () => ({})),
  procedure('keys.list', 'keys.manage'),
  procedure('keys.create', 'keys.manage', () => ({ name: 'another' })),
  procedure('keys.revoke', 'keys.manage', () => ({ id: own.key })),
  procedure('sites.list', 'sites.read'),
  procedure('sites.create', 'sites.manage', () => ({ name: 'Another', allowed_origins: [] })),
  procedure('sites.get', 'sites.read', () => ({ id: own.site })),
  procedure('sites.stats', 'sites.read', () => ({ id: own.site })),
  procedure('sites.update', 'sites.manage', () => ({ id: own.site, phones: true })),
  procedure('nodeTokens.list', 'node_tokens.manage'),
  procedure('nodeTokens.create', 'node_tokens.manage', () => ({ name: 'another' })),
  procedure('devices.list', 'devices.read'),
  procedure('devices.rename', 'devices.manage', () => ({ id: own.device, name: 'kitchen' })),
  procedure('devices.revoke', 'devices.manage', () => ({ id: own.device })),
  procedure('devices.appeal', 'devices.manage', () => ({ id: own.device, executor: 'wasm' })),
  procedure('devices.claimChallenge', 'devices.claim'),
  procedure('devices.claim', 'devices.claim', () => NO_CLAIM),
  procedure('nodeTokens.revoke', 'node_tokens.manage', () => ({ id: own.nodeToken })),
]

/** Said by our own frame in a partner's page. */
function embedRoute(name: string, body: () => object): Row {
  const headers = () => ({ ...JSON_HEADERS, origin: pool.url })
  return {
    what: `POST /api/v0/embed/${name}`,
    action: 'embed.visit',
    path: () => `/api/v0/embed/${name}`,
    init: () => ({ method: 'POST', headers: headers(), body: JSON.stringify(body()) }),
  }
}

const ROUTES: readonly Row[] = [
  embedRoute('asked', () => ({ site_key: own.siteKey, page: PARTNER })),
  embedRoute('consent', () => ({ site_key: own.siteKey, page: PARTNER })),
  embedRoute('stop', () => ({ consent: `fpct_${'A'.repeat(43)}`, by: 'page' })),
  {
    what: 'POST /api/v0/ops/execute',
    action: 'jobs.submit',
    path: () => '/api/v0/ops/execute',
    init: () => ({
      method: 'POST',
      headers: { ...JSON_HEADERS, 'idempotency-key': 'access' },
      body: JSON.stringify(contract),
    }),
  },
  {
    what: 'GET /api/v0/jobs/{id}',
    action: 'jobs.read',
    path: () => `/api/v0/jobs/${own.job}`,
    init: () => ({}),
  },
  {
    what: 'GET /api/v0/jobs/{id}/evidence',
    action: 'jobs.read',
    path: () => `/api/v0/jobs/${own.settled}/evidence`,
    init: () => ({}),
  },
  {
    what: 'PUT /api/v0/blobs/{sha256}',
    action: 'blobs.write',
    path: () => `/api/v0/blobs/${DIGEST}`,
    init: () => ({ method: 'PUT', body: BLOB }),
  },
  {
    what: 'GET /api/v0/blobs/{sha256}',
    action: 'blobs.read',
    path: () => `/api/v0/blobs/${own.blob}`,
    init: () => ({}),
  },
  {
    what: 'HEAD /api/v0/blobs/{sha256}',
    action: 'blobs.read',
    path: () => `/api/v0/blobs/${own.blob}`,
    init: () => ({ method: 'HEAD' }),
  },
  {
    what: 'POST /api/v0/jobs/{id}/pause',
    action: 'jobs.steer',
    path: () => `/api/v0/jobs/${own.job}/pause`,
    init: () => ({ method: 'POST' }),
  },
  {
    what: 'POST /api/v0/jobs/{id}/resume',
    action: 'jobs.steer',
    path: () => `/api/v0/jobs/${own.job}/resume`,
    init: () => ({ method: 'POST' }),
  },
  {
    what: 'POST /api/v0/jobs/{id}/cancel',
    action: 'jobs.cancel',
    path: () => `/api/v0/jobs/${own.job}/cancel`,
    init: () => ({ method: 'POST' }),
  },
  {
    what: 'GET /api/v0/records',
    action: 'jobs.list_public',
    path: () => '/api/v0/records',
    init: () => ({}),
  },
  {
    what: 'GET /api/v0/credits/statement.csv',
    action: 'credits.read',
    path: () => '/api/v0/credits/statement.csv',
    init: () => ({}),
  },
]

async function ask(row: Row, headers: Readonly<Record<string, string>>): Promise<Response> {
  const init = row.init()
  return fetch(pool.url + row.path(), {
    ...init,
    headers: { ...(init.headers as Record<string, string> | undefined), ...headers },
  })
}

describe('another person’s', () => {
  const rows = [...PROCEDURES, ...ROUTES].filter((row) =>
    [
      'jobs.get',
      'jobs.proof',
      'jobs.publish',
      'jobs.pause',
      'jobs.resume',
      'jobs.prioritise',
      'jobs.cancel',
      'keys.revoke',
      'sites.get',
      'sites.stats',
      'sites.update',
      'nodeTokens.revoke',
      'account.endSession',
      'devices.rename',
      'devices.revoke',
      'devices.appeal',
      'GET /api/v0/jobs/{id}',
      'POST /api/v0/jobs/{id}/pause',
      'POST /api/v0/jobs/{id}/resume',
      'POST /api/v0/jobs/{id}/cancel',
      'GET /api/v0/jobs/{id}/evidence',
      'GET /api/v0/blobs/{sha256}',
      'HEAD /api/v0/blobs/{sha256}',
    ].includes(row.what),
  )
  it.each(rows.map((row) => ({ what: row.what, row })))('$what is not there', async ({ row }) => {
    const allowed: readonly ActorKind[] = RULES[row.action]
    for (const { kind, headers } of strangers) {
      // What an actor's kind may never do is refused before anything is looked for.
      if (!allowed.includes(kind)) continue
      const foreign = await ask(row, headers)
      expect(foreign.status).toBe(404)
      const told = await foreign.text()
      const before = { ...own }
      Object.assign(own, {
        job: NOWHERE,
        settled: NOWHERE,
        key: NOWHERE,
        nodeToken: NOWHERE,
        site: NOWHERE,
        device: 'f'.repeat(64),
        session: NOWHERE,
        blob: '0'.repeat(64),
      })
      const missing = await ask(row, headers)
      Object.assign(own, before)
      expect(missing.status).toBe(404)
      expect(await missing.text()).toBe(told)
    }
  })
})

describe('who may do what', () => {
  it('is stated for every procedure there is', () => {
    const stated = Object.fromEntries(PROCEDURES.map(({ what, action }) => [what, action]))
    const procedures = appRouter._def.procedures as unknown as Readonly<
      Record<string, { readonly _def: { readonly meta?: { readonly action: Action } } }>
    >
    const named = Object.entries(procedures).map(([what, { _def }]) => [what, _def.meta?.action])
    expect(Object.fromEntries(named)).toEqual(stated)
  })

  it('is stated for every REST route there is', () => {
    const stated = new Map(ROUTES.map(({ what, action }) => [what, action]))
    // HEAD is GET without the body.
    stated.delete('HEAD /api/v0/blobs/{sha256}')
    const served = REST_ROUTES.map(({ method, path, action }) => [`${method} ${path}`, action] as const)
    expect(Object.fromEntries(stated)).toEqual(Object.fromEntries(served))
  })

  const kinds: readonly ActorKind[] = ['user', 'key', 'guest', 'agent', 'visitor']
  const cells = [...PROCEDURES, ...ROUTES].flatMap((row) =>
    kinds.map((kind) => ({
      what: row.what,
      kind,
      row,
      allowed: (RULES[row.action] as readonly ActorKind[]).includes(kind),
    })),
  )
  it.each(cells)('$what as $kind: $allowed', async ({ row, kind, allowed }) => {
    const headers = row.isLast === true && kind === 'user' ? (await signUp(pool)).headers : headersOf[kind]
    const response = await ask(row, headers)
    const text = await response.text()
    if (!allowed) expect(response.status, text).toBe(kind === 'visitor' ? 401 : 403)
    // A guest and a visitor are let in and do not find Ada's things.
    else if (row.what === 'devices.claim') expect(response.status, text).toBe(409)
    // Ada's job was cancelled in the row of its procedure.
    else if (row.what.startsWith('POST /api/v0/jobs/'))
      expect([row.action === 'jobs.steer' ? 409 : 200, 404], text).toContain(response.status)
    // Ada's device is in no quarantine.
    else if (row.what === 'devices.appeal') expect([404, 409], text).toContain(response.status)
    else
      expect([200, 201, 202, ...(kind === 'guest' || kind === 'visitor' ? [404] : [])], text).toContain(
        response.status,
      )
  })
})

/** Sign-in has two kinds of route: those that make or end a session, and those that need one. */
describe('sign-in', () => {
  const OPEN: readonly string[] = [
    'POST /sign-up/email',
    'POST /sign-in/email',
    'POST /sign-in/anonymous',
    'POST /sign-out',
    'GET /get-session',
    'POST /request-password-reset',
    'POST /reset-password',
    'POST /send-verification-email',
    'GET /verify-email',
    'GET /passkey/generate-authenticate-options',
    'POST /passkey/verify-authentication',
  ]
  const OWN = {
    'POST /update-user': { name: 'Nobody' },
    'POST /change-password': { currentPassword: PASSWORD, newPassword: `${PASSWORD} 2` },
    'GET /passkey/generate-register-options': undefined,
    'POST /passkey/verify-registration': { response: {} },
    'GET /passkey/list-user-passkeys': undefined,
    'POST /passkey/delete-passkey': { id: NOWHERE },
    'POST /passkey/update-passkey': { id: NOWHERE, name: 'x' },
  }

  it('has no other routes', () => {
    expect([...OPEN, ...Object.keys(OWN)].sort()).toEqual([...AUTH_ROUTES].sort())
  })

  it.each(Object.entries(OWN))('%s is for somebody who has signed in', async (route, body) => {
    const [method = '', path = ''] = route.split(' ')
    const init =
      body === undefined ? { method } : { method, headers: JSON_HEADERS, body: JSON.stringify(body) }
    const answer = await fetch(`${pool.url}/api/auth${path}`, init)
    expect(answer.status).toBe(401)
    // A key is no session.
    const byKey = await fetch(`${pool.url}/api/auth${path}`, {
      ...init,
      headers: { ...init.headers, ...headersOf.key },
    })
    expect(byKey.status).toBe(401)
  })
})
