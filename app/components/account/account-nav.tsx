'use client'

import Link from 'next/link'
import { usePathname } from 'next/navigation'
import { cn } from '../ui/class-names.ts'

const PARTS = [
  { href: '/account', label: 'Profile and credits' },
  { href: '/account/keys', label: 'Keys and tokens' },
  { href: '/account/security', label: 'Security' },
] as const

export function AccountNav() {
  const path = usePathname()
  return (
    <nav aria-label="Account" className="mt-4 flex flex-wrap gap-x-1 border-b border-line">
      {PARTS.map(({ href, label }) => (
        <Link
          key={href}
          href={href}
          aria-current={path === href ? 'page' : undefined}
          className={cn(
            '-mb-px flex h-10 items-center border-b-2 border-transparent px-3 text-sm text-muted hover:text-ink',
            path === href && 'border-accent font-medium text-ink',
          )}
        >
          {label}
        </Link>
      ))}
    </nav>
  )
}
