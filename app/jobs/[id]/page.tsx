import type { Metadata } from 'next'
import { notFound } from 'next/navigation'
import { cache } from 'react'
import { JobPage } from '../../components/job/job-page.tsx'
import { forgeErrorOf } from '../../data/errors.ts'
import { serverApi } from '../../data/server-api.ts'

interface Props {
  readonly params: Promise<{ id: string }>
}

/** Once a request: the title and the page ask for the same job. */
const loadJob = cache(async (id: string) => {
  const api = await serverApi()
  try {
    return await api.jobs.get.query({ id })
  } catch (error) {
    const { code } = forgeErrorOf(error)
    if (code === 'NOT_FOUND' || code === 'MESSAGE_INVALID') notFound()
    throw error
  }
})

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const job = await loadJob((await params).id)
  return { title: `${job.title}, ${job.state}` }
}

export default async function Page({ params }: Props) {
  return <JobPage initial={await loadJob((await params).id)} />
}
