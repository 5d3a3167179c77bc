import type { Metadata } from 'next'
import { ErasePanel } from '../../components/account/erase-panel.tsx'
import { PasskeysPanel } from '../../components/account/passkeys-panel.tsx'
import { PasswordPanel } from '../../components/account/password-panel.tsx'
import { SessionsPanel } from '../../components/account/sessions-panel.tsx'
import { requirePerson } from '../../data/who.ts'

export const metadata: Metadata = { title: 'Security' }

export default async function Page() {
  await requirePerson('/account/security')
  return (
    <div className="grid items-start gap-6 lg:grid-cols-2">
      <div className="min-w-0 space-y-6">
        <PasskeysPanel />
        <PasswordPanel />
      </div>
      <div className="min-w-0 space-y-6">
        <SessionsPanel />
        <ErasePanel />
      </div>
    </div>
  )
}
