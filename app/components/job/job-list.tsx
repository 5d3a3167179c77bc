'use client'

import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { JobListItem } from '../../../kernel/api.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { plural } from '../../data/format.ts'
import { useLiveRoom } from '../../data/live-room.ts'
import { networkRoom } from '../../data/rooms.ts'
import { useTRPC } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { JobTable } from '../job-table.tsx'
import { OfflineBanner } from '../offline-banner.tsx'
import { Button } from '../ui/button.tsx'
import { Panel } from '../ui/panel.tsx'

interface JobListProps {
  readonly first: { readonly items: JobListItem[]; readonly next_cursor: string | null }
  readonly pageSize: number
}

/** All jobs, newest first, a page at a time. Jobs that the live room names are shown in their live state. */
export function JobList({ first, pageSize }: JobListProps) {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const live = useLiveRoom('network', 'network', networkRoom)
  const options = trpc.jobs.list.infiniteQueryOptions(
    { limit: pageSize },
    {
      getNextPageParam: (page) => page.next_cursor ?? undefined,
      initialData: { pages: [first], pageParams: [null] },
    },
  )
  const query = useInfiniteQuery(options)
  const jobs = query.data.pages.flatMap((page) => page.items)
  const liveJobs = new Map(live.data?.recent.map((job) => [job.id, job]))
  const newest = live.data?.recent[0]?.id
  const known = newest === undefined || jobs.some((job) => job.id === newest)
  useEffect(() => {
    if (!known) void queries.invalidateQueries({ queryKey: trpc.jobs.list.infiniteQueryKey() })
  }, [known, queries, trpc])

  if (jobs.length === 0) {
    return (
      <div className="mt-6 rounded-sm border border-dashed border-edge px-6 py-14 text-center">
        <p className="font-medium">No jobs yet</p>
        <p className="mx-auto mt-1 max-w-sm text-sm text-muted">
          A job appears here as soon as its contract is accepted, from this site or from the API.
        </p>
      </div>
    )
  }
  return (
    <div className="mt-6">
      <OfflineBanner status={live.status} />
      <Panel bodyClassName="p-0">
        <JobTable jobs={jobs.map((job) => liveJobs.get(job.id) ?? job)} caption="All jobs, newest first" />
      </Panel>
      <div className="mt-4 flex flex-wrap items-center gap-4">
        {query.hasNextPage ? (
          <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {query.isFetchingNextPage ? 'Loading…' : 'Show older jobs'}
          </Button>
        ) : null}
        <p role="status" className="text-sm text-muted">
          {plural(jobs.length, 'job')} shown{query.hasNextPage ? '' : ', these are all'}
        </p>
      </div>
      {query.isError ? (
        <Failure className="mt-4" title="The list could not be loaded" error={forgeErrorOf(query.error)} />
      ) : null}
    </div>
  )
}
