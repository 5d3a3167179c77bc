import type { Metadata } from 'next'
import Link from 'next/link'
import { OwnJobs, PublicJobs } from '../components/job/job-list.tsx'
import { JobsNav } from '../components/job/jobs-nav.tsx'
import { buttonStyles } from '../components/ui/button.tsx'
import { serverApi } from '../data/server-api.ts'
import { whoAsks } from '../data/who.ts'

export const metadata: Metadata = { title: 'Jobs' }

const PAGE_SIZE = 20

interface Props {
  readonly searchParams: Promise<Record<string, string | string[] | undefined>>
}

/** Own jobs for whoever has signed in, or everybody's public ones. */
export default async function Page({ searchParams }: Props) {
  const who = await whoAsks()
  const isPublic = who.kind !== 'person' || (await searchParams).show === 'public'
  const api = await serverApi()
  const query = { limit: PAGE_SIZE }
  const first = isPublic ? await api.jobs.listPublic.query(query) : await api.jobs.list.query(query)
  const list = { first, pageSize: PAGE_SIZE }
  return (
    <div>
      <div className="flex flex-wrap items-end justify-between gap-4">
        <h1 className="text-3xl font-semibold tracking-tight">{isPublic ? 'Public jobs' : 'Your jobs'}</h1>
        <Link href="/submit" className={buttonStyles({ tone: 'primary' })}>
          Submit a contract
        </Link>
      </div>
      {who.kind === 'person' ? <JobsNav showing={isPublic ? 'public' : 'own'} /> : null}
      {isPublic ? (
        <PublicJobs
          key="public"
          {...list}
          empty={
            <>
              <p className="font-medium">No job is public yet</p>
              <p className="mx-auto mt-1 max-w-sm text-sm text-muted">
                A job is its owner’s alone until he publishes it on its page.
              </p>
            </>
          }
        />
      ) : (
        <OwnJobs
          key="own"
          {...list}
          empty={
            <>
              <p className="font-medium">You have no jobs yet</p>
              <p className="mx-auto mt-1 max-w-sm text-sm text-muted">
                A job appears here as soon as its contract is accepted, from this site or from the API.
              </p>
            </>
          }
        />
      )}
    </div>
  )
}
