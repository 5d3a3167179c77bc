'use client'

import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useEffect } from 'react'
import type { JobListItem } from '../../../kernel/api.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { plural } from '../../data/format.ts'
import { useLiveRoom } from '../../data/live-room.ts'
import { usePages } from '../../data/pages.ts'
import { isFinal, networkRoom } from '../../data/rooms.ts'
import { useTRPC, useTRPCClient } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { JobTable } from '../job-table.tsx'
import { OfflineBanner } from '../offline-banner.tsx'
import { Button } from '../ui/button.tsx'
import { Panel } from '../ui/panel.tsx'

/** The live room names public jobs only; own ones are asked for so often while one of them runs. */
const POLL_MS = 3_000

interface JobPage {
  readonly items: JobListItem[]
  readonly next_cursor: string | null
}

interface JobListProps {
  readonly first: JobPage
  readonly pageSize: number
  readonly empty: ReactNode
}

/** Public jobs, newest first. Jobs that the live room names are shown in their live state. */
export function PublicJobs({ first, pageSize, empty }: JobListProps) {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const live = useLiveRoom('network', 'network', networkRoom)
  const api = useTRPCClient()
  const query = usePages({
    queryKey: trpc.jobs.listPublic.infiniteQueryKey(),
    fetchPage: (cursor, signal) => api.jobs.listPublic.query({ limit: pageSize, cursor }, { signal }),
    first,
  })
  const jobs = query.items ?? []
  const liveJobs = new Map(live.data?.recent.map((job) => [job.id, job]))
  const newest = live.data?.recent[0]?.id
  const known = newest === undefined || jobs.some((job) => job.id === newest)
  useEffect(() => {
    if (!known) void queries.invalidateQueries({ queryKey: trpc.jobs.listPublic.infiniteQueryKey() })
  }, [known, queries, trpc])
  return (
    <div className="mt-6">
      <OfflineBanner status={live.status} />
      <Rows
        jobs={jobs.map((job) => liveJobs.get(job.id) ?? job)}
        caption="Public jobs, newest first"
        empty={empty}
        more={query}
      />
    </div>
  )
}

/** The jobs of whoever looks, newest first. */
export function OwnJobs({ first, pageSize, empty }: JobListProps) {
  const trpc = useTRPC()
  const api = useTRPCClient()
  const query = usePages({
    queryKey: trpc.jobs.list.infiniteQueryKey(),
    fetchPage: (cursor, signal) => api.jobs.list.query({ limit: pageSize, cursor }, { signal }),
    first,
    refetchInterval: (jobs) => (jobs.some((job) => !isFinal(job.state)) ? POLL_MS : false),
  })
  return (
    <div className="mt-6">
      <Rows
        jobs={query.items ?? []}
        caption="Your jobs, newest first"
        empty={empty}
        more={query}
        showVisibility
      />
    </div>
  )
}

interface More {
  readonly hasNextPage: boolean
  readonly isFetchingNextPage: boolean
  readonly isError: boolean
  readonly error: unknown
  readonly fetchNextPage: () => Promise<unknown>
}

function Rows({
  jobs,
  caption,
  empty,
  more,
  showVisibility = false,
}: {
  readonly jobs: readonly JobListItem[]
  readonly caption: string
  readonly empty: ReactNode
  readonly more: More
  readonly showVisibility?: boolean
}) {
  const failure = more.isError ? (
    <Failure className="mt-4" title="The list could not be loaded" error={forgeErrorOf(more.error)} />
  ) : null
  if (jobs.length === 0) {
    return (
      <>
        <div className="rounded-sm border border-dashed border-edge px-6 py-14 text-center">{empty}</div>
        {failure}
      </>
    )
  }
  return (
    <>
      <Panel bodyClassName="p-0">
        <JobTable jobs={jobs} caption={caption} showVisibility={showVisibility} />
      </Panel>
      <div className="mt-4 flex flex-wrap items-center gap-4">
        {more.hasNextPage ? (
          <Button disabled={more.isFetchingNextPage} onClick={() => void more.fetchNextPage()}>
            {more.isFetchingNextPage ? 'Loading…' : 'Show older jobs'}
          </Button>
        ) : null}
        <p role="status" className="text-sm text-muted">
          {plural(jobs.length, 'job')} shown{more.hasNextPage ? '' : ', these are all'}
        </p>
      </div>
      {failure}
    </>
  )
}
