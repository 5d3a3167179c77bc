'use client'

import { useQuery } from '@tanstack/react-query'
import Link from 'next/link'
import { forgeErrorOf } from '../../data/errors.ts'
import { plural } from '../../data/format.ts'
import { useTRPC } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { Badge } from '../ui/badge.tsx'
import { linkStyles } from '../ui/link-styles.ts'
import { Panel } from '../ui/panel.tsx'
import { NewSite } from './new-site.tsx'

export function Sites() {
  const trpc = useTRPC()
  const sites = useQuery(trpc.sites.list.queryOptions())
  return (
    <div className="mt-6 grid items-start gap-6 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <Panel id="sites" title="Your sites" bodyClassName="p-0">
        {sites.isError ? (
          <div className="p-4">
            <Failure title="The sites could not be loaded" error={forgeErrorOf(sites.error)} />
          </div>
        ) : sites.data === undefined ? (
          <p role="status" className="working p-4 text-sm text-muted">
            Loading
          </p>
        ) : sites.data.items.length === 0 ? (
          <div className="px-6 py-14 text-center">
            <p className="font-medium">You have no site yet</p>
            <p className="mx-auto mt-1 max-w-sm text-sm text-muted">
              Name one and list the origins of its pages; its key and the snippet for its pages come next.
            </p>
          </div>
        ) : (
          <ul aria-label="Your sites" className="divide-y divide-line">
            {sites.data.items.map((site) => (
              <li
                key={site.id}
                className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 px-4 py-3"
              >
                <div className="min-w-0">
                  <Link href={`/sites/${site.id}`} className={linkStyles}>
                    {site.name}
                  </Link>
                  <p className="text-xs text-muted">
                    {plural(site.allowed_origins.length, 'allowed origin')}
                    {site.phones ? ', phones too' : ''}
                  </p>
                </div>
                {site.enabled ? <Badge tone="ok">On</Badge> : <Badge tone="warn">Switched off</Badge>}
              </li>
            ))}
          </ul>
        )}
      </Panel>
      <NewSite />
    </div>
  )
}
