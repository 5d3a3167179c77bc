import type { Metadata } from 'next'
import Link from 'next/link'
import { buttonStyles } from './components/ui/button.tsx'

export const metadata: Metadata = { title: 'Not found' }

export default function NotFound() {
  return (
    <div className="max-w-xl py-10">
      <p className="num text-sm text-muted">404</p>
      <h1 className="mt-1 text-3xl font-semibold tracking-tight">There is no page at this address</h1>
      <p className="mt-3 text-muted">The link may be mistyped, or it belongs to another Forge Pool.</p>
      <Link href="/" className={buttonStyles({ className: 'mt-6' })}>
        Go to the start
      </Link>
    </div>
  )
}
