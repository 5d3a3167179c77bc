import type { Metadata } from 'next'
import { ProfilePanel } from '../components/account/profile-panel.tsx'
import { requirePerson } from '../data/who.ts'

export const metadata: Metadata = { title: 'Account' }

export default async function Page() {
  return <ProfilePanel person={await requirePerson('/account')} />
}
