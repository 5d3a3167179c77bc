import type { Metadata } from 'next'
import { PasskeysPanel } from '../../components/account/passkeys-panel.tsx'
import { PasswordPanel } from '../../components/account/password-panel.tsx'
import { requirePerson } from '../../data/who.ts'

export const metadata: Metadata = { title: 'Security' }

export default async function Page() {
  await requirePerson('/account/security')
  return (
    <div className="grid items-start gap-6 lg:grid-cols-2">
      <PasswordPanel />
      <PasskeysPanel />
    </div>
  )
}
