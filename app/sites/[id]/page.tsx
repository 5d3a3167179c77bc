import type { Metadata } from 'next'
import Link from 'next/link'
import { notFound } from 'next/navigation'
import { SitePage } from '../../components/sites/site-page.tsx'
import { linkStyles } from '../../components/ui/link-styles.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { serverApi } from '../../data/server-api.ts'
import { requirePerson } from '../../data/who.ts'

export const metadata: Metadata = { title: 'Site' }

interface Props {
  readonly params: Promise<{ id: string }>
}

export default async function Page({ params }: Props) {
  const { id } = await params
  await requirePerson(`/sites/${encodeURIComponent(id)}`)
  return (
    <div>
      <p className="mb-2 text-sm">
        <Link href="/sites" className={linkStyles}>
          All sites
        </Link>
      </p>
      <SitePage {...(await load(id))} />
    </div>
  )
}

async function load(id: string) {
  const api = await serverApi()
  try {
    const [site, stats] = await Promise.all([api.sites.get.query({ id }), api.sites.stats.query({ id })])
    return { site, stats }
  } catch (error) {
    const { code } = forgeErrorOf(error)
    if (code === 'NOT_FOUND' || code === 'MESSAGE_INVALID') notFound()
    throw error
  }
}
