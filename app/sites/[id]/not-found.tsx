import Link from 'next/link'
import { buttonStyles } from '../../components/ui/button.tsx'

export default function SiteNotFound() {
  return (
    <div className="max-w-xl py-10">
      <p className="num text-sm text-muted">404</p>
      <h1 className="mt-1 text-3xl font-semibold tracking-tight">You have no site with this id</h1>
      <p className="mt-3 text-muted">The link may be cut off, or the site belongs to another account.</p>
      <Link href="/sites" className={buttonStyles({ className: 'mt-6' })}>
        See your sites
      </Link>
    </div>
  )
}
