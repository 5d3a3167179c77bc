import type { Metadata } from 'next'
import Link from 'next/link'
import { redirect } from 'next/navigation'
import { AuthFrame } from '../components/people/auth-frame.tsx'
import { SignUpForm } from '../components/people/sign-up-form.tsx'
import { Callout } from '../components/ui/callout.tsx'
import { linkStyles } from '../components/ui/link-styles.ts'
import { nextPath, withNext } from '../data/next-path.ts'
import { whoAsks } from '../data/who.ts'

export const metadata: Metadata = { title: 'Create an account' }

interface Props {
  readonly searchParams: Promise<Record<string, string | string[] | undefined>>
}

export default async function Page({ searchParams }: Props) {
  const next = nextPath((await searchParams).next)
  const who = await whoAsks()
  if (who.kind === 'person' && who.person.kind === 'user') redirect(next)
  const isGuest = who.kind === 'person'
  return (
    <AuthFrame
      title="Create an account"
      lead="To submit contracts of your own, to collect what your devices earn, or to let your site’s visitors compute. A passkey can be added afterwards."
      below={
        <p>
          You have an account?{' '}
          <Link href={withNext('/sign-in', next)} className={linkStyles}>
            Sign in
          </Link>
        </p>
      }
    >
      {isGuest ? (
        <Callout tone="info" title="Your example comes with you" className="mb-5">
          What you ran as a guest becomes a job of the new account.
        </Callout>
      ) : null}
      <SignUpForm next={next} />
    </AuthFrame>
  )
}
