import Link from 'next/link'
import { buttonStyles } from '../../components/ui/button.tsx'

export default function JobNotFound() {
  return (
    <div className="max-w-xl py-10">
      <p className="num text-sm text-muted">404</p>
      <h1 className="mt-1 text-3xl font-semibold tracking-tight">There is no job with this id</h1>
      <p className="mt-3 text-muted">
        The link may be cut off, or the job belongs to another Forge Pool: job ids are not shared between
        installations, replay keys are.
      </p>
      <Link href="/jobs" className={buttonStyles({ className: 'mt-6' })}>
        See all jobs
      </Link>
    </div>
  )
}
