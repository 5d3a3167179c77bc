import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { HubEffect } from '../hub/core/events.ts'
import { Metrics } from './metrics.ts'

const DASHBOARD = path.join(import.meta.dirname, '../../deploy/grafana-dashboard.json')

function metricsAt(clock: { ms: number }): Metrics {
  return new Metrics(
    {
      hub: () => ({
        sessions: 3,
        leases: 2,
        jobs: { running: 1 },
        unreadable: 6,
        disputes: 0,
        audits: 4,
        refereeing: 1,
        uncommitted: 5,
      }),
      pool: () => ({ total: 10, idle: 7, waiting: 1 }),
      ledger: async () => ({ stored: 9, published: 8 }),
    },
    () => clock.ms,
  )
}

const lease = (lease_id: string): HubEffect => ({
  t: 'send',
  session: 's',
  seq: 1,
  message: {
    t: 'lease',
    lease_id,
    epoch: 1,
    job_id: '0d4c7a52-3f0e-4b52-8f5e-9f1f2b3c4d5e',
    contract_hash: '00'.repeat(32),
    plan_digest: '00'.repeat(32),
    first: 0,
    count: 64,
    deadline_ms: 1000,
  },
})

describe('metrics', () => {
  it('measures a lease from its offer to its result, and only what was answered', async () => {
    const clock = { ms: 0 }
    const metrics = metricsAt(clock)
    metrics.said(lease('a'))
    metrics.said(lease('b'))
    metrics.said({ t: 'send', session: 's', seq: 2, message: { t: 'cancel', lease_id: 'b', reason: 'late' } })
    clock.ms = 1500
    const result = { session: 's', digests: new Uint8Array(), leaves: [] }
    metrics.heard({ t: 'result.received', lease_id: 'a', ...result })
    metrics.heard({ t: 'result.received', lease_id: 'b', ...result })
    const { text } = await metrics.exposition()
    expect(text).toContain('forge_hub_shards_leased_total 128\n')
    expect(text).toContain('forge_hub_lease_seconds_sum 1.5\n')
    expect(text).toContain('forge_hub_lease_seconds_count 1\n')
    expect(text).toContain('forge_hub_results_total{outcome="received"} 2\n')
  })

  it('shows what hub, database and ledger hold at the moment of the scrape', async () => {
    const { text } = await metricsAt({ ms: 0 }).exposition()
    expect(text).toContain('forge_hub_sessions 3\n')
    expect(text).toContain('forge_hub_jobs{phase="running"} 1\n')
    expect(text).toContain('forge_hub_jobs_unreadable 6\n')
    expect(text).toContain('forge_hub_referee_waiting{why="audit"} 4\n')
    expect(text).toContain('forge_database_connections{use="busy"} 3\n')
    expect(text).toContain('forge_ledger_entries{extent="published"} 8\n')
  })

  it('has every series that the shipped dashboard asks for', async () => {
    const { text } = await metricsAt({ ms: 0 }).exposition()
    const dashboard = readFileSync(DASHBOARD, 'utf8')
    const asked = new Set(dashboard.match(/\b(forge|process|nodejs)_[a-z0-9_]+(?=\{)/g))
    expect(asked.size).toBeGreaterThan(15)
    for (const series of asked) expect(text).toContain(`# TYPE ${series.replace(/_bucket$/, '')} `)
  })
})
