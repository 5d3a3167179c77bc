import type { Metadata } from 'next'
import Link from 'next/link'
import { redirect } from 'next/navigation'
import { AuthFrame } from '../components/people/auth-frame.tsx'
import { SignInForm } from '../components/people/sign-in-form.tsx'
import { Callout } from '../components/ui/callout.tsx'
import { linkStyles } from '../components/ui/link-styles.ts'
import { nextPath, withNext } from '../data/next-path.ts'
import { whoAsks } from '../data/who.ts'

export const metadata: Metadata = { title: 'Sign in' }

interface Props {
  readonly searchParams: Promise<Record<string, string | string[] | undefined>>
}

export default async function Page({ searchParams }: Props) {
  const next = nextPath((await searchParams).next)
  const who = await whoAsks()
  if (who.kind === 'person' && who.person.kind === 'user') redirect(next)
  return (
    <AuthFrame
      title="Sign in"
      below={
        <>
          <p>
            No account yet?{' '}
            <Link href={withNext('/sign-up', next)} className={linkStyles}>
              Create one
            </Link>
            . It comes with test credits.
          </p>
          <p>
            <Link href="/reset-password" className={linkStyles}>
              I have forgotten my password
            </Link>
          </p>
        </>
      }
    >
      {who.kind === 'visitor' && who.ended ? (
        <Callout tone="info" title="Your session has ended" className="mb-5">
          Sign in again to go on.
        </Callout>
      ) : null}
      <SignInForm next={next} />
    </AuthFrame>
  )
}
