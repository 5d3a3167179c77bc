'use client'

import Link from 'next/link'
import { usePerson } from '../../data/person.tsx'
import type { Job } from '../../data/views.ts'
import { buttonStyles } from '../ui/button.tsx'
import { Callout } from '../ui/callout.tsx'

/** Tells a guest that his example is his only while this browser remembers him. */
export function GuestNote({ job }: { readonly job: Job }) {
  const person = usePerson()
  if (!job.own || person?.kind !== 'guest') return null
  return (
    <Callout tone="info" title="This is your example, run as a guest" className="mb-6">
      <p>
        Only this browser can see it. With an account it stays yours: it moves there when you sign up, and you
        can submit contracts of your own.
      </p>
      <Link
        href={`/sign-up?next=${encodeURIComponent(`/jobs/${job.id}`)}`}
        className={buttonStyles({ tone: 'primary', size: 'small', className: 'mt-3' })}
      >
        Keep it: create an account
      </Link>
    </Callout>
  )
}
