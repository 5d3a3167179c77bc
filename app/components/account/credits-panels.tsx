'use client'

import { useQuery } from '@tanstack/react-query'
import { Download } from 'lucide-react'
import Link from 'next/link'
import type { BalanceView } from '../../../kernel/api/credits.ts'
import { forgeErrorOf } from '../../data/errors.ts'
import { formatCount, formatDate, plural } from '../../data/format.ts'
import { usePages } from '../../data/pages.ts'
import { useTRPC, useTRPCClient } from '../../data/trpc.tsx'
import { Failure } from '../failure.tsx'
import { Button, buttonStyles } from '../ui/button.tsx'
import { linkStyles } from '../ui/link-styles.ts'
import { Panel, Reading } from '../ui/panel.tsx'
import { StatementTable } from './statement-table.tsx'

const PAGE_SIZE = 20

/** What can be spent, and what stands aside for jobs that have not ended. */
export function BalancePanel() {
  const trpc = useTRPC()
  const balance = useQuery(trpc.credits.balance.queryOptions())
  return (
    <Panel id="credits" title="Credits">
      {balance.isError ? (
        <Failure title="The balance could not be loaded" error={forgeErrorOf(balance.error)} />
      ) : (
        <>
          <dl className="grid grid-cols-2 gap-4 sm:grid-cols-3">
            <Reading label="Available" value={credits(balance.data?.available)} note="for new jobs" />
            <Reading label="Held" value={credits(balance.data?.held)} note="for jobs that have not ended" />
          </dl>
          <p className="mt-4 text-xs text-muted">
            A credit pays for 1,000 work units, about a millisecond of one CPU core. Credits are earned by
            verified shards of your devices and sites; they are test credits and cannot be bought or sold.
          </p>
        </>
      )}
      {balance.data === undefined || balance.data.holds.length === 0 ? null : (
        <Holds holds={balance.data.holds} />
      )}
    </Panel>
  )
}

function credits(value: number | undefined) {
  return value === undefined ? <span className="text-muted">…</span> : formatCount(value)
}

function Holds({ holds }: { readonly holds: BalanceView['holds'] }) {
  return (
    <div className="mt-4 border-t border-line pt-4">
      <h3 className="text-xs font-medium">Holds</h3>
      <ul className="mt-2 divide-y divide-line text-sm">
        {holds.map((hold) => (
          <li
            key={hold.job_id}
            className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1 py-2 first:pt-0 last:pb-0"
          >
            <span>
              <Link href={`/jobs/${hold.job_id}`} className={linkStyles}>
                Job <span className="num">{hold.job_id.slice(0, 8)}</span>
              </Link>
              <span className="block text-xs text-muted">
                released by {formatDate(hold.expires_at)} at the latest
              </span>
            </span>
            <span className="num">{formatCount(hold.credits)}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** Every change of the balance, newest first, a page at a time. */
export function StatementPanel() {
  const trpc = useTRPC()
  const api = useTRPCClient()
  const query = usePages({
    queryKey: trpc.credits.statement.infiniteQueryKey(),
    fetchPage: (cursor, signal) => api.credits.statement.query({ limit: PAGE_SIZE, cursor }, { signal }),
  })
  const lines = query.items ?? []
  return (
    <Panel
      id="statement"
      title="Statement"
      bodyClassName="p-0"
      aside={
        <a
          href="/api/v0/credits/statement.csv"
          download="forge-pool-statement.csv"
          className={buttonStyles({ size: 'small' })}
        >
          <Download aria-hidden />
          CSV
        </a>
      }
    >
      {query.isError ? (
        <div className="p-4">
          <Failure title="The statement could not be loaded" error={forgeErrorOf(query.error)} />
        </div>
      ) : query.data === undefined ? (
        <p role="status" className="working p-4 text-sm text-muted">
          Loading
        </p>
      ) : lines.length === 0 ? (
        <p className="p-4 text-sm text-muted">Nothing has been booked yet.</p>
      ) : (
        <>
          <StatementTable lines={lines} />
          <div className="flex flex-wrap items-center gap-4 border-t border-line p-4">
            {query.hasNextPage ? (
              <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {query.isFetchingNextPage ? 'Loading…' : 'Show older lines'}
              </Button>
            ) : null}
            <p role="status" className="text-sm text-muted">
              {plural(lines.length, 'line')} shown{query.hasNextPage ? '' : ', these are all'}
            </p>
          </div>
        </>
      )}
    </Panel>
  )
}
