import Link from 'next/link'
import { linkStyles } from './ui/link-styles.ts'

const PAGES = [
  { href: '/verify', label: 'Verify evidence' },
  { href: '/ledger', label: 'Public ledger' },
] as const

export function SiteFooter() {
  return (
    <footer className="mt-16 border-t border-line">
      <nav aria-label="Evidence" className="mx-auto flex max-w-6xl gap-x-6 px-4 pt-6 text-sm sm:px-6">
        {PAGES.map(({ href, label }) => (
          <Link key={href} href={href} className={linkStyles}>
            {label}
          </Link>
        ))}
      </nav>
      <div className="mx-auto grid max-w-6xl gap-x-10 gap-y-3 px-4 py-8 text-sm text-muted sm:grid-cols-2 sm:px-6">
        <p>
          <strong className="font-medium text-ink">Nothing runs without you.</strong> A page of this site
          computes only after you press its button, and every page shows it while it does. Credits are for
          testing and have no price.
        </p>
        <p>
          <strong className="font-medium text-ink">Inputs are not confidential.</strong> A private job is
          shown to its owner only, but agents see what they compute. Do not submit data that must stay secret.
        </p>
      </div>
    </footer>
  )
}
