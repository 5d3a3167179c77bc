'use client'

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { toast } from 'sonner'
import type { SiteStatsView, SiteView } from '../../../kernel/api/sites.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { formatCount } from '../../data/format.ts'
import { useOrigin } from '../../data/origin.ts'
import { useTRPC } from '../../data/trpc.tsx'
import { Badge } from '../ui/badge.tsx'
import { Button } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { Panel, Reading } from '../ui/panel.tsx'
import { SiteDays } from './site-days.tsx'
import { SiteSettings } from './site-settings.tsx'

/** Visitors come and go; the figures follow them at this distance. */
const REFRESH_MS = 10_000

interface SitePageProps {
  readonly site: SiteView
  readonly stats: SiteStatsView
}

/** One partner's site: switch, snippet, settings, and what its visitors did. */
export function SitePage({ site: first, stats: firstStats }: SitePageProps) {
  const trpc = useTRPC()
  const { data: site } = useQuery({
    ...trpc.sites.get.queryOptions({ id: first.id }),
    initialData: first,
  })
  const { data: stats } = useQuery({
    ...trpc.sites.stats.queryOptions({ id: first.id }),
    initialData: firstStats,
    refetchInterval: REFRESH_MS,
  })
  return (
    <div>
      <header className="flex flex-wrap items-start justify-between gap-4">
        <div className="min-w-0">
          <h1 className="text-3xl font-semibold tracking-tight break-words">{site.name}</h1>
          <p className="mt-2">
            {site.enabled ? <Badge tone="ok">On</Badge> : <Badge tone="warn">Switched off</Badge>}
          </p>
        </div>
        <KillSwitch site={site} />
      </header>
      <div className="mt-6 grid items-start gap-6 lg:grid-cols-2">
        <div className="min-w-0 space-y-6">
          <Panel id="figures" title="Visitors and work">
            <dl className="grid grid-cols-2 gap-4 sm:grid-cols-3">
              <Reading label="Asked" value={formatCount(stats.visitors.asked)} />
              <Reading label="Consented" value={formatCount(stats.visitors.consented)} />
              <Reading label="Stopped" value={formatCount(stats.visitors.stopped)} note="by their own hand" />
              <Reading
                label="Agents now"
                value={formatCount(stats.agents_now)}
                note={`${formatCount(stats.agents)} ever`}
              />
              <Reading label="Accepted shards" value={formatCount(stats.shards)} />
              <Reading
                label="Credits earned"
                value={stats.credits_earned === null ? '–' : formatCount(stats.credits_earned)}
              />
            </dl>
          </Panel>
          <SiteDays days={stats.days} />
        </div>
        <div className="min-w-0 space-y-6">
          <Snippet siteKey={site.site_key} />
          <SiteSettings site={site} />
        </div>
      </div>
    </div>
  )
}

function Snippet({ siteKey }: { readonly siteKey: string }) {
  const origin = useOrigin()
  const text = `<script async src="${origin}/embed/v1.js" data-site-key="${siteKey}"></script>`
  return (
    <Panel id="snippet" title="Snippet" aside={<CopyButton text={text} what="snippet" label="Copy" />}>
      <section
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        tabIndex={0}
        aria-label="Snippet for your pages"
        className="overflow-x-auto rounded-sm border border-line bg-sunken p-3"
      >
        <pre className="text-xs leading-5">{text}</pre>
      </section>
      <p className="mt-3 text-sm text-muted">
        Put it into the pages of your allowed origins. Under a Content-Security-Policy, allow this site in{' '}
        <code className="num">script-src</code> and <code className="num">frame-src</code>; nothing else is
        needed.
      </p>
    </Panel>
  )
}

function KillSwitch({ site }: { readonly site: SiteView }) {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [asking, setAsking] = useState(false)
  const change = useMutation(
    trpc.sites.update.mutationOptions({
      onSuccess: (changed) => {
        queries.setQueryData(trpc.sites.get.queryKey({ id: site.id }), changed)
        void queries.invalidateQueries({ queryKey: trpc.sites.pathKey() })
        toast.success(changed.enabled ? 'The site is switched on.' : 'The site is switched off.')
      },
      onError: (error) => toast.error(`Nothing was changed: ${forgeErrorOf(error).message}`),
      onSettled: () => setAsking(false),
    }),
  )
  if (!site.enabled) {
    return (
      <Button disabled={change.isPending} onClick={() => change.mutate({ id: site.id, enabled: true })}>
        Switch on
      </Button>
    )
  }
  return (
    <>
      <Button tone="danger" onClick={() => setAsking(true)}>
        Switch off
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Switch “${site.name}” off?`}
        confirm={change.isPending ? 'Switching off…' : 'Switch the site off'}
        dismiss="Leave it on"
        busy={change.isPending}
        onConfirm={() => change.mutate({ id: site.id, enabled: false })}
      >
        Every agent on its pages stops within a second, and no visitor is asked any more until you switch it
        on again.
      </Confirm>
    </>
  )
}
