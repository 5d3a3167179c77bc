import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { PATIENCE } from '../memory/testing/patience.ts'
import { JobTraces } from '../observe/traces.ts'
import { type AgentPeer, connectAgentPeer } from './testing/agent-peer.ts'
import { signUp } from './testing/sign-up.ts'
import { createTestPool, piContract, type RunningPool, type TestPool } from './testing/start-pool.ts'

const METRICS_TOKEN = 'the metrics token of a test'

/** A collector. */
class Collected implements SpanExporter {
  readonly spans: ReadableSpan[] = []

  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    this.spans.push(...spans)
    done({ code: 0 })
  }

  async shutdown(): Promise<void> {}
}

let testPool: TestPool
let pool: RunningPool
let collected: Collected
let agents: AgentPeer[] = []

beforeEach(async () => {
  collected = new Collected()
  testPool = await createTestPool({
    metricsToken: METRICS_TOKEN,
    traces: (jobOf) => new JobTraces({ exporter: collected, service: 'test', jobOf }),
  })
  pool = await testPool.start()
})

afterEach(async () => {
  for (const agent of agents) agent.close()
  agents = []
  await testPool.dispose()
  expect(testPool.complaints).toEqual([])
})

async function settle(): Promise<string> {
  const ada = await signUp(pool)
  for (const address of ['203.0.113.7', '198.51.100.9']) {
    const agent = connectAgentPeer(pool.url, { 'x-forwarded-for': address })
    agents.push(agent)
    agent.work(await agent.enrol(), 100)
  }
  // Both are there when the job comes: the referee gives what no second owner gives in time.
  const contract = piContract('watched', 3)
  const { id } = (await ada.call('jobs.submit', { contract })) as { id: string }
  await vi.waitFor(
    async () => expect(await ada.call('jobs.get', { id })).toMatchObject({ state: 'settled' }),
    PATIENCE,
  )
  return id
}

async function scrape(headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(`${pool.url}/metrics`, { headers })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toContain('text/plain')
  return response.text()
}

/** The value of one line of the exposition. */
function figure(text: string, series: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `))
  return Number(line?.slice(series.length + 1))
}

describe('figures for who operates the server', () => {
  it('counts what happened to a job, from lease to ledger', async () => {
    await settle()
    await vi.waitFor(
      async () => expect(figure(await scrape(), 'forge_ledger_entries{extent="published"}')).toBe(1),
      PATIENCE,
    )
    const text = await scrape()
    expect(figure(text, 'forge_hub_shards_accepted_total{method="quorum"}')).toBe(3)
    expect(figure(text, 'forge_hub_shards_committed_total')).toBe(3)
    expect(figure(text, 'forge_hub_jobs_ended_total{state="settled"}')).toBe(1)
    expect(figure(text, 'forge_ledger_records_total')).toBe(1)
    expect(figure(text, 'forge_hub_leases_granted_total')).toBeGreaterThanOrEqual(2)
    expect(figure(text, 'forge_hub_leases_open')).toBe(0)
    expect(figure(text, 'forge_hub_uncommitted')).toBe(0)
    expect(figure(text, 'forge_hub_lease_seconds_count')).toBe(
      figure(text, 'forge_hub_results_total{outcome="received"}'),
    )
    expect(figure(text, 'forge_hub_sessions')).toBe(2)
    expect(figure(text, 'forge_http_requests_total{area="trpc",status="2xx"}')).toBeGreaterThan(0)
  })

  it('shows them to this machine and to who has the token, and hides them from everybody else', async () => {
    const proxied = { 'x-forwarded-for': '203.0.113.7' }
    const hidden = await fetch(`${pool.url}/metrics`, { headers: proxied })
    expect(hidden.status).toBe(404)
    const wrong = await fetch(`${pool.url}/metrics`, {
      headers: { ...proxied, authorization: 'Bearer wrong' },
    })
    expect(wrong.status).toBe(404)
    await scrape({ ...proxied, authorization: `Bearer ${METRICS_TOKEN}` })
    await scrape()
  })

  it('counts agents that are cut off for what they send', async () => {
    const socket = new WebSocket(`${pool.url.replace('http', 'ws')}/agent`)
    await new Promise((resolve) => socket.addEventListener('open', resolve))
    socket.send('not a frame of the protocol')
    await new Promise((resolve) => socket.addEventListener('close', resolve))
    expect(figure(await scrape(), 'forge_agent_disconnects_total{why="malformed"}')).toBe(1)
  })
})

it('is ready while its database answers and its hub is open', async () => {
  // It is asked to answer within two seconds, which it does when the machine is not busy.
  const response = await vi.waitFor(async () => {
    const answer = await fetch(`${pool.url}/readyz`)
    expect(answer.status).toBe(200)
    return answer
  }, PATIENCE)
  expect(await response.json()).toEqual({ ready: true, reasons: [] })
})

it('traces a job from its leases to the checkpoint that covers its record', async () => {
  const id = await settle()
  await vi.waitFor(async () => expect(figure(await scrape(), 'forge_ledger_records_total')).toBe(1), PATIENCE)
  await pool.close()
  const spans = collected.spans.filter((span) => span.spanContext().traceId === id.replaceAll('-', ''))
  const named = (name: string) => spans.filter((span) => span.name === name)
  const job = named('job')[0]
  expect(job?.parentSpanContext).toBeUndefined()
  expect(job?.attributes).toMatchObject({ 'forge.job_id': id, 'forge.state': 'settled', 'forge.shards': 3 })
  const children = (parent: ReadableSpan | undefined) =>
    spans
      .filter((span) => span.parentSpanContext?.spanId === parent?.spanContext().spanId)
      .map(({ name }) => name)
  expect(new Set(children(job))).toEqual(new Set(['shard', 'settlement', 'record', 'checkpoint']))
  const done = named('shard').find(({ attributes }) => attributes['forge.accepted_by'] !== undefined)
  expect(children(done)).toEqual(['lease', 'verification', 'commit'])
})
