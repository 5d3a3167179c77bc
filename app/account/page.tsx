import type { Metadata } from 'next'
import { BalancePanel, StatementPanel } from '../components/account/credits-panels.tsx'
import { ProfilePanel } from '../components/account/profile-panel.tsx'
import { requirePerson } from '../data/who.ts'

export const metadata: Metadata = { title: 'Account' }

export default async function Page() {
  const person = await requirePerson('/account')
  return (
    <div className="grid items-start gap-6 lg:grid-cols-[minmax(0,2fr)_minmax(0,3fr)]">
      <div className="min-w-0 space-y-6">
        <BalancePanel />
        <ProfilePanel person={person} />
      </div>
      <div className="min-w-0">
        <StatementPanel />
      </div>
    </div>
  )
}
