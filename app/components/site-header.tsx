'use client'

import Link from 'next/link'
import { usePathname } from 'next/navigation'
import { AccountMenu } from './account-menu.tsx'
import { AgentPill } from './agent-pill.tsx'
import { ThemeToggle } from './theme-toggle.tsx'
import { cn } from './ui/class-names.ts'

const PAGES = [
  { href: '/contribute', label: 'Contribute' },
  { href: '/submit', label: 'Submit' },
  { href: '/jobs', label: 'Jobs' },
  { href: '/docs/ops', label: 'Docs' },
] as const

/** Two rows of bars, the same bytes twice: what the network is about. */
function Mark() {
  return (
    <svg aria-hidden="true" viewBox="0 0 22 24" className="h-6 w-[22px] shrink-0">
      <g className="fill-accent">
        <rect x="0" y="5" width="3" height="6" />
        <rect x="5" y="1" width="3" height="10" />
        <rect x="10" y="6" width="3" height="5" />
        <rect x="15" y="3" width="3" height="8" />
        <rect x="20" y="7" width="2" height="4" />
      </g>
      <g className="fill-ink">
        <rect x="0" y="13" width="3" height="6" />
        <rect x="5" y="13" width="3" height="10" />
        <rect x="10" y="13" width="3" height="5" />
        <rect x="15" y="13" width="3" height="8" />
        <rect x="20" y="13" width="2" height="4" />
      </g>
    </svg>
  )
}

export function SiteHeader() {
  const path = usePathname()
  return (
    <header className="border-b border-line bg-panel">
      <div className="mx-auto flex min-h-14 max-w-6xl flex-wrap items-center gap-x-6 px-4 sm:px-6">
        <Link href="/" className="flex h-14 items-center gap-2.5 font-semibold tracking-tight">
          <Mark />
          Forge Pool
        </Link>
        <div className="ml-auto flex items-center gap-3 sm:order-last sm:ml-0">
          <AgentPill />
          <ThemeToggle />
          <AccountMenu />
        </div>
        <nav aria-label="Main" className="-mx-2 flex w-full sm:ml-auto sm:w-auto">
          {PAGES.map(({ href, label }) => {
            const here = path === href || path.startsWith(`${href}/`)
            return (
              <Link
                key={href}
                href={href}
                aria-current={here ? 'page' : undefined}
                className={cn(
                  'flex h-11 items-center border-b-2 border-transparent px-3 text-sm text-muted hover:text-ink sm:h-14',
                  here && 'border-accent font-medium text-ink',
                )}
              >
                {label}
              </Link>
            )
          })}
        </nav>
      </div>
      <div aria-hidden="true" className="ticks h-2" />
    </header>
  )
}
