import type { Metadata } from 'next'
import Link from 'next/link'
import { JobList } from '../components/job/job-list.tsx'
import { buttonStyles } from '../components/ui/button.tsx'
import { serverApi } from '../data/server-api.ts'

export const metadata: Metadata = { title: 'Jobs' }

const PAGE_SIZE = 20

export default async function Page() {
  const api = await serverApi()
  const first = await api.jobs.list.query({ limit: PAGE_SIZE })
  return (
    <div>
      <div className="flex flex-wrap items-end justify-between gap-4">
        <h1 className="text-3xl font-semibold tracking-tight">Jobs</h1>
        <Link href="/submit" className={buttonStyles({ tone: 'primary' })}>
          Submit a contract
        </Link>
      </div>
      <JobList first={first} pageSize={PAGE_SIZE} />
    </div>
  )
}
