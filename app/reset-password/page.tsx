import type { Metadata } from 'next'
import Link from 'next/link'
import { AuthFrame } from '../components/people/auth-frame.tsx'
import { NewPasswordForm, RequestResetForm } from '../components/people/reset-forms.tsx'
import { Callout } from '../components/ui/callout.tsx'
import { linkStyles } from '../components/ui/link-styles.ts'

export const metadata: Metadata = { title: 'Reset the password', referrer: 'no-referrer' }

interface Props {
  readonly searchParams: Promise<Record<string, string | string[] | undefined>>
}

/** Without a token: asks for a mail. With the token of a mail: sets the password. */
export default async function Page({ searchParams }: Props) {
  const { token, error } = await searchParams
  const hasToken = typeof token === 'string' && token !== ''
  return (
    <AuthFrame
      title={hasToken ? 'Set a new password' : 'Reset the password'}
      below={
        <p>
          <Link href="/sign-in" className={linkStyles}>
            Back to sign-in
          </Link>
        </p>
      }
    >
      {error === undefined ? null : (
        <Callout tone="warn" role="alert" title="This link is not valid any more" className="mb-5">
          A link works once and for an hour. Ask for another.
        </Callout>
      )}
      {hasToken ? <NewPasswordForm token={token} /> : <RequestResetForm />}
    </AuthFrame>
  )
}
