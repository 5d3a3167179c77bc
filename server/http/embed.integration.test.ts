import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hubError } from '../../agent-runtime/hub-transport.ts'
import type { SiteStatsView, SiteView } from '../../kernel/api/sites.ts'
import { PROTOCOL_VERSION } from '../../kernel/protocol.ts'
import { buildEmbed } from '../../scripts/build-embed.mjs'
import { PATIENCE } from '../memory/testing/patience.ts'
import { type AgentPeer, connectAgentPeer } from './testing/agent-peer.ts'
import { postJson, type SignedUp, signUp } from './testing/sign-up.ts'
import { createTestPool, piContract, type RunningPool, type TestPool } from './testing/start-pool.ts'

const PAGE = 'https://tides.example'
const PHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148'

let testPool: TestPool
let pool: RunningPool
let ada: SignedUp
let embedFolder: string

beforeAll(async () => {
  embedFolder = await mkdtemp(path.join(tmpdir(), 'forge-embed-'))
  await buildEmbed(embedFolder)
  testPool = await createTestPool({ embedFolder })
  pool = await testPool.start()
  ada = await signUp(pool)
})
afterAll(async () => {
  await testPool.dispose()
  await rm(embedFolder, { recursive: true, force: true })
})

const create = (more: object = {}) =>
  ada.call('sites.create', { name: 'Tides', allowed_origins: [PAGE], ...more }) as Promise<SiteView>
const update = (site: SiteView, change: object) => ada.call('sites.update', { id: site.id, ...change })
const stats = (site: SiteView) => ada.call('sites.stats', { id: site.id }) as Promise<SiteStatsView>

/** What the frame sends. */
const say = (route: string, body: object, headers: Readonly<Record<string, string>> = {}) =>
  postJson(`${pool.url}/api/v0/embed/${route}`, body, {
    origin: pool.url,
    'sec-fetch-site': 'same-origin',
    ...headers,
  })

async function consentTo(site: SiteView): Promise<string> {
  const answer = await say('consent', { site_key: site.site_key, page: PAGE })
  const { consent, valid_ms } = (await answer.json()) as { consent: string; valid_ms: number }
  expect(consent).toMatch(/^fpct_[A-Za-z0-9_-]{43}$/)
  expect(valid_ms).toBe(86_400_000)
  return consent
}

const enrol = (peer: AgentPeer, site: SiteView, consent: string) =>
  peer.enrol({ site: { site_key: site.site_key, consent } })
const refusal = (attempt: Promise<unknown>) =>
  attempt.then(
    () => undefined,
    (error: unknown) => hubError(error),
  )
/** Resolves when the hub does not know the session any more. */
const ended = (session: string) =>
  expect
    .poll(
      async () =>
        (
          await fetch(`${pool.url}/api/v0/embed/none`, {
            method: 'POST',
            headers: { authorization: `Forge-Session ${session}` },
          })
        ).status,
      PATIENCE,
    )
    .toBe(401)

describe('the files of the embed', () => {
  it('hold a loader of at most 4 KB, gzipped, that any page may load and that is soon renewed', async () => {
    const answer = await fetch(`${pool.url}/embed/v1.js`)
    expect(answer.status).toBe(200)
    expect(gzipSync(Buffer.from(await answer.arrayBuffer()), { level: 9 }).length).toBeLessThanOrEqual(4096)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cross-origin-resource-policy': 'cross-origin',
      'access-control-allow-origin': '*',
      'x-content-type-options': 'nosniff',
      'cache-control': expect.stringMatching(/max-age=\d{1,3}\b/),
    })
  })

  it('are named by the frame with their build, and then never change', async () => {
    const site = await create()
    const html = await (await fetch(`${pool.url}/embed/v1/frame?site=${site.site_key}`)).text()
    const [script = ''] = /\/embed\/v1\/[0-9a-f]{16}\/frame[.]js/.exec(html) ?? []
    for (const name of ['frame.js', 'worker.js', 'thread-browser.js', 'frame.css']) {
      const answer = await fetch(pool.url + script.replace('frame.js', name))
      expect(answer.status).toBe(200)
      expect(answer.headers.get('cache-control')).toContain('immutable')
      expect(answer.headers.get('cross-origin-resource-policy')).toBe('same-origin')
      expect(answer.headers.get('cross-origin-embedder-policy')).toBe('require-corp')
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    }
    const other = script.replace(/[0-9a-f]{16}/, '0'.repeat(16))
    expect((await fetch(pool.url + other)).status).toBe(404)
    expect((await fetch(`${pool.url}/embed/v1/../v1.js/../../../package.json`)).status).toBe(404)
  })
})

describe('the frame', () => {
  const frame = (query: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${pool.url}/embed/v1/frame?${query}`, { headers })

  it('may be held by the allowed origins alone, and may load nothing but its own files', async () => {
    const site = await create({ allowed_origins: [PAGE, 'http://localhost:4000'] })
    const answer = await frame(`site=${site.site_key}`)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-security-policy')?.split('; ').sort()).toEqual([
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "form-action 'none'",
      `frame-ancestors ${PAGE} http://localhost:4000`,
      "script-src 'self' 'wasm-unsafe-eval'",
      "style-src 'self'",
      "worker-src 'self'",
    ])
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-resource-policy': 'cross-origin',
      'cache-control': 'no-store',
      'permissions-policy': expect.stringContaining('camera=()'),
    })
    expect(answer.headers.has('x-frame-options')).toBe(false)
  })

  it('has no script, and says why, where there is nothing to ask for', async () => {
    const off = await create()
    await update(off, { enabled: false })
    const nowhere = await create({ allowed_origins: [] })
    const cases: [string, Record<string, string>, number, string][] = [
      ['site=fpsk_AAAAAAAAAAAAAAAAAAAAAA', {}, 404, 'no such site key'],
      ['', {}, 404, 'no such site key'],
      [`site=${off.site_key}`, {}, 403, 'switched this off'],
      [`site=${nowhere.site_key}`, {}, 403, 'allowed no origin'],
      [`site=${(await create()).site_key}`, { 'user-agent': PHONE }, 403, 'does not ask phones'],
      [`site=${(await create()).site_key}&phones=on`, { 'user-agent': PHONE }, 403, 'does not ask phones'],
      [`site=${(await create()).site_key}`, { 'sec-ch-ua-mobile': '?1' }, 403, 'does not ask phones'],
    ]
    for (const [query, headers, status, words] of cases) {
      const answer = await frame(query, headers)
      const text = await answer.text()
      expect([answer.status, text], query).toEqual([status, expect.stringContaining(words)])
      expect(text).not.toContain('<script')
      expect(answer.headers.get('content-security-policy')).not.toContain('script-src')
    }
  })

  it('asks phones when both the site and the snippet say so', async () => {
    const site = await create()
    await update(site, { phones: true })
    const phone = { 'user-agent': PHONE }
    expect((await frame(`site=${site.site_key}`, phone)).status).toBe(403)
    const both = await frame(`site=${site.site_key}&phones=on`, phone)
    expect(both.status).toBe(200)
    expect(await both.text()).toContain('data-phones="on"')
  })

  it('shows a site’s name as text, whatever it is', async () => {
    const site = await create({ name: '<b>"Tides" & \'Co\'</b>'.replace(/[<>]/g, '-') })
    await testPool.database.pool.query('UPDATE sites SET name = $2 WHERE id = $1', [
      site.id,
      '<script>alert(1)</script>"\'&',
    ])
    const text = await (await frame(`site=${site.site_key}`)).text()
    expect(text).not.toContain('<script>alert')
    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;')
  })
})

describe('a visitor’s consent', () => {
  it('lets one agent compute for the site, and is counted', async () => {
    const site = await create()
    await say('asked', { site_key: site.site_key, page: PAGE })
    const consent = await consentTo(site)
    const peer = connectAgentPeer(pool.url)
    const first = await enrol(peer, site, consent)
    expect(first.owner).toBe('127.0.0.0/24')
    expect(await stats(site)).toEqual({
      visitors: { asked: 1, consented: 1, stopped: 0 },
      days: [{ day: new Date().toISOString().slice(0, 10), asked: 1, consented: 1, stopped: 0 }],
      agents_now: 1,
      agents: 1,
      shards: 0,
      credits_earned: 0,
    })
    // An agent that lost its session enrols anew; two at once it cannot have.
    await enrol(peer, site, consent)
    expect((await stats(site)).agents_now).toBe(1)
    await ended(first.session)
    peer.close()
  })

  it('earns the site’s owner credits for what its agents computed', async () => {
    const site = await create()
    const stranger = await signUp(pool, 'A stranger')
    const contract = { ...piContract('embed earns', 2), verify: { mode: 'none' } }
    const { id } = (await stranger.call('jobs.submit', { contract })) as { id: string }
    const peer = connectAgentPeer(pool.url)
    peer.work(await enrol(peer, site, await consentTo(site)), 4)
    const state = async () => ((await stranger.call('jobs.get', { id })) as { state: string }).state
    await expect.poll(state, PATIENCE).toBe('settled')
    peer.close()
    const { shards, credits_earned } = await stats(site)
    expect(shards).toBe(2)
    expect(credits_earned).toBeGreaterThan(0)
    const { rows } = await testPool.database.pool.query<{ code: string; owner: string; amount: string }>(
      `SELECT code, credit_account AS owner, amount FROM credit_transfers
       WHERE job_id = $1 AND flag = 'posted' ORDER BY code`,
      [id],
    )
    const paid = rows.find(({ code }) => code === 'site')
    expect(Number(paid?.amount)).toBe(credits_earned)
    const owner = await testPool.database.pool.query('SELECT owner_id FROM sites WHERE id = $1', [site.id])
    expect(paid?.owner).toBe(`owner:${owner.rows[0].owner_id}`)
  })

  it('is the network’s and not an account’s, even with the account’s cookies and a token', async () => {
    const site = await create()
    const { token } = (await ada.call('nodeTokens.create', { name: 'mine' })) as { token: string }
    const peer = connectAgentPeer(pool.url, ada.headers)
    const enrolled = await peer.enrol({
      site: { site_key: site.site_key, consent: await consentTo(site) },
      owner_token: token,
    })
    expect(enrolled.owner).toBe('127.0.0.0/24')
    peer.close()
  })

  it('is stored as a hash, with the network alone', async () => {
    const consent = await consentTo(await create())
    const { rows } = await testPool.database.pool.query<{ text: string }>(
      'SELECT c::text AS text FROM embed_consents AS c',
    )
    const stored = rows.map(({ text }) => text).join()
    expect(stored).not.toContain(consent.slice(5))
    expect(stored).toContain('127.0.0.0/24')
    expect(stored).not.toContain('127.0.0.1')
  })

  it('ends its agents at once when it is stopped, and holds no more', async () => {
    const site = await create()
    const consent = await consentTo(site)
    const peer = connectAgentPeer(pool.url)
    const { session } = await enrol(peer, site, consent)
    await say('stop', { consent, by: 'visitor' })
    await say('stop', { consent, by: 'visitor' })
    expect((await stats(site)).visitors.stopped).toBe(1)
    expect((await stats(site)).agents_now).toBe(0)
    await ended(session)
    expect(await refusal(enrol(peer, site, consent))).toMatchObject({
      code: 'FORBIDDEN',
      message: 'this consent was stopped',
    })
    peer.close()
  })

  it('ends by itself after 24 hours', async () => {
    const site = await create()
    const consent = await consentTo(site)
    const peer = connectAgentPeer(pool.url)
    const { session } = await enrol(peer, site, consent)
    await testPool.database.pool.query(
      `UPDATE embed_consents SET created_at = created_at - interval '1 day', expires_at = expires_at - interval '1 day'
       WHERE site_id = $1`,
      [site.id],
    )
    await ended(session)
    expect(await refusal(enrol(peer, site, consent))).toMatchObject({ message: 'this consent has expired' })
    expect((await stats(site)).visitors.stopped).toBe(0)
    peer.close()
  })

  it('ends with the kill switch, which nobody consents around', async () => {
    const site = await create()
    const consent = await consentTo(site)
    const peer = connectAgentPeer(pool.url)
    const { session } = await enrol(peer, site, consent)
    await update(site, { enabled: false })
    expect((await stats(site)).agents_now).toBe(0)
    await ended(session)
    const off = 'the owner of this site has switched it off'
    expect(await refusal(enrol(peer, site, consent))).toMatchObject({ code: 'FORBIDDEN', message: off })
    for (const route of ['asked', 'consent']) {
      const answer = await say(route, { site_key: site.site_key, page: PAGE })
      expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining(off)])
    }
    peer.close()
  })

  it('of one site is none of another, and a key keeps its site', async () => {
    const [site, other] = [await create(), await create()]
    const consent = await consentTo(site)
    const peer = connectAgentPeer(pool.url)
    expect(await refusal(enrol(peer, other, consent))).toMatchObject({ message: 'there is no such consent' })
    const made = `fpct_${'A'.repeat(43)}`
    expect(await refusal(enrol(peer, site, made))).toMatchObject({ message: 'there is no such consent' })
    await enrol(peer, site, consent)
    const elsewhere = { code: 'FORBIDDEN', message: 'this agent key belongs to another site' }
    expect(await refusal(enrol(peer, other, await consentTo(other)))).toMatchObject(elsewhere)
    expect(await refusal(peer.enrol())).toMatchObject(elsewhere)
    peer.close()
  })

  it('is not given to other pages, phones, or requests that do not come from the frame', async () => {
    const site = await create()
    const body = { site_key: site.site_key, page: PAGE }
    const status = async (answer: Promise<Response>) => (await answer).status
    expect(await status(say('consent', { ...body, page: 'https://evil.example' }))).toBe(403)
    expect(await status(say('consent', { ...body, site_key: 'fpsk_AAAAAAAAAAAAAAAAAAAAAA' }))).toBe(404)
    expect(await status(say('consent', body, { 'user-agent': PHONE }))).toBe(403)
    expect(await status(say('consent', body, { origin: PAGE, 'sec-fetch-site': 'cross-site' }))).toBe(403)
    expect(await status(say('consent', body, { origin: 'null' }))).toBe(403)
    expect(await status(postJson(`${pool.url}/api/v0/embed/consent`, body))).toBe(403)
    expect(await status(say('consent', { ...body, more: 1 }))).toBe(400)
    expect(await status(say('nothing', body))).toBe(404)
    expect((await stats(site)).visitors.consented).toBe(0)
  })
})

describe('sites', () => {
  // An account of their own: the one above has nearly all that it may have.
  beforeAll(async () => {
    ada = await signUp(pool)
  })

  it('are their owner’s alone', async () => {
    const site = await create()
    const eve = await signUp(pool, 'Eve')
    for (const [procedure, input] of [
      ['sites.get', { id: site.id }],
      ['sites.stats', { id: site.id }],
      ['sites.update', { id: site.id, enabled: false }],
    ] as const) {
      const other = eve.call(procedure, input).catch((error: unknown) => String(error))
      const none = eve
        .call(procedure, { ...input, id: '00000000-0000-4000-8000-000000000000' })
        .catch((error: unknown) => String(error))
      expect(await other).toContain('404')
      expect(await none).toBe(await other)
    }
    expect(await eve.call('sites.list', undefined)).toEqual({ items: [] })
    expect(await ada.call('sites.get', { id: site.id })).toEqual(site)
  })

  it('change as their owner says, and refuse origins that are none', async () => {
    const site = await create()
    const changed = await update(site, {
      name: 'Ebb',
      allowed_origins: ['https://ebb.example'],
      phones: true,
    })
    expect(changed).toEqual({
      ...site,
      name: 'Ebb',
      allowed_origins: ['https://ebb.example'],
      phones: true,
    })
    await expect(update(site, { allowed_origins: ['https://*.example'] })).rejects.toThrow(
      /400.*allowed_origins.0/,
    )
    await expect(create({ allowed_origins: ['http://tides.example'] })).rejects.toThrow('400')
  })

  it('have a limit, however fast they are made', async () => {
    const grace = await signUp(pool, 'Grace')
    const made = await Promise.allSettled(
      Array.from({ length: 24 }, (_, at) =>
        grace.call('sites.create', { name: `s${at}`, allowed_origins: [] }),
      ),
    )
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(20)
  })
})

describe('an anonymous agent', () => {
  it('enrols with solved work only, once for each', async () => {
    const peer = connectAgentPeer(pool.url)
    const without = await refusal(peer.call('mutation', 'hub.enrol', enrolment()))
    expect(without).toMatchObject({ code: 'CHALLENGE_REQUIRED', retryable: true })
    await peer.enrol()
    peer.close()
  })
})

function enrolment(): object {
  return {
    v: PROTOCOL_VERSION,
    public_key: new Uint8Array(32).fill(9),
    executor: { kind: 'cpu', label: 'test' },
    software: 'test/1',
    window: 1,
  }
}
