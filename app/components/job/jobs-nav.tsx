import Link from 'next/link'
import { cn } from '../ui/class-names.ts'

const LISTS = [
  { list: 'own', href: '/jobs', label: 'Yours' },
  { list: 'public', href: '/jobs?show=public', label: 'Public' },
] as const

export function JobsNav({ showing }: { readonly showing: 'own' | 'public' }) {
  return (
    <nav aria-label="Which jobs" className="mt-4 flex gap-x-1 border-b border-line">
      {LISTS.map(({ list, href, label }) => (
        <Link
          key={list}
          href={href}
          aria-current={list === showing ? 'page' : undefined}
          className={cn(
            '-mb-px flex h-10 items-center border-b-2 border-transparent px-3 text-sm text-muted hover:text-ink',
            list === showing && 'border-accent font-medium text-ink',
          )}
        >
          {label}
        </Link>
      ))}
    </nav>
  )
}
