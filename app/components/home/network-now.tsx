'use client'

import Link from 'next/link'
import type { NetworkRoom } from '../../../kernel/api.ts'
import { formatCount, formatRate } from '../../data/format.ts'
import { useLiveRoom } from '../../data/live-room.ts'
import { networkRoom } from '../../data/rooms.ts'
import { JobTable } from '../job-table.tsx'
import { LiveLamp, OfflineBanner } from '../offline-banner.tsx'
import { buttonStyles } from '../ui/button.tsx'
import { Panel, Reading } from '../ui/panel.tsx'

const RECENT_JOBS = 8

/** The network's numbers and its newest jobs; `initial` is what the server knew when it rendered the page. */
export function NetworkNow({ initial }: { readonly initial: NetworkRoom }) {
  const { data, status } = useLiveRoom('network', 'network', networkRoom)
  const { stats, recent } = data ?? initial
  const { webgpu, wasm, cpu } = stats.agents_by_executor
  return (
    <div>
      <OfflineBanner status={status} />
      <Panel id="network" title="The network now" aside={<LiveLamp status={status} />}>
        <dl className="grid grid-cols-2 gap-x-4 gap-y-5 sm:grid-cols-3 lg:grid-cols-6">
          <Reading
            label="Agents connected"
            value={formatCount(stats.agents)}
            note={stats.agents === 0 ? 'none at the moment' : `${webgpu} WebGPU, ${wasm + cpu} CPU`}
          />
          <Reading
            label="Distinct owners"
            value={formatCount(stats.owners)}
            note={stats.house_agent ? 'with the house agent' : 'no house agent'}
          />
          <Reading label="Shards accepted" value={formatCount(stats.shards_accepted)} />
          <Reading label="Rate" value={formatRate(stats.shards_per_s)} unit="shards/s" />
          <Reading label="Jobs running" value={formatCount(stats.jobs_running)} />
          <Reading label="Jobs settled" value={formatCount(stats.jobs_settled)} />
        </dl>
      </Panel>
      <Panel
        id="recent"
        title="Recent public jobs"
        className="mt-6"
        bodyClassName="p-0"
        aside={
          <Link href="/jobs?show=public" className="underline underline-offset-4 hover:text-ink">
            All public jobs
          </Link>
        }
      >
        {recent.length === 0 ? (
          <div className="px-4 py-8 text-sm">
            <p className="text-muted">No job is public yet.</p>
            <Link href="/submit" className={buttonStyles({ className: 'mt-3' })}>
              Submit a contract
            </Link>
          </div>
        ) : (
          <JobTable jobs={recent.slice(0, RECENT_JOBS)} caption="Recent public jobs" />
        )}
      </Panel>
    </div>
  )
}
